/** Places that nginx's hashing and random balancers look at before they leave the choice to round robin. */
export const MOST_TRIES = 20

/** The only import of `debug`. Callers ask `enabled` first: a log that is off costs one property read. */
import createDebug from 'debug'

/** One line a request, with its trail. */
export const logRequest = createDebug('evenkeel:request')
/** What failed, in nginx's words: where there is no `errorLog`. */
export const logError = createDebug('evenkeel:error')
/** Peers marked, probed and back. */
export const logPeer = createDebug('evenkeel:peer')
/** Connections learnt from, retired and found stale. */
export const logPool = createDebug('evenkeel:pool')
/** Every decision about a next upstream. */
export const logNext = createDebug('evenkeel:next')
/** Requests that fail together, and the warning before. */
export const logIncident = createDebug('evenkeel:incident')
/** What workers share: who leads, what was learnt. */
export const logZone = createDebug('evenkeel:zone')

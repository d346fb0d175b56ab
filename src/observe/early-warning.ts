/** The chance that all peers go out together, from how often each of them has been marked of late. Pure. */

/** What is known of one peer. */
export interface MarkHistory {
  /** Marks in the time looked at. */
  readonly marks: number
  /** Milliseconds for which it is out with each of them, on average. */
  readonly outFor: number
}

/**
 * Peers are taken to be marked independently of each other: each goes in and out by itself, marked at the rate of late.
 * All are out together when the last one that is still in goes out while all others are: with λ a peer's rate of marks,
 * and q = λd / (1 + λd) the share of time that it is out, that happens at the rate Σᵢ λᵢ(1 − qᵢ) Πⱼ≠ᵢ qⱼ. A failure that
 * hits all of them at once (a bad deployment) is more likely than that: the estimate is low rather than high.
 * @param window milliseconds in which the marks were counted
 * @param horizon milliseconds that lie ahead
 * @returns 0 to 1; 0 when a peer has not been marked at all
 */
export function chanceOfAllOut(
  peers: readonly MarkHistory[],
  window: number,
  horizon: number,
): number {
  if (peers.length === 0 || peers.some(({ marks }) => marks === 0)) return 0
  const out = peers.map(({ marks, outFor }) => {
    const load = (marks / window) * outFor
    return load / (1 + load)
  })
  const rate = peers.reduce((sum, { marks }, i) => {
    const others = out.reduce((product, share, j) => (i === j ? product : product * share), 1)
    return sum + (marks / window) * (1 - (out[i] ?? 0)) * others
  }, 0)
  return 1 - Math.exp(-rate * horizon)
}

/** Senders and receivers that are watched turn by turn. */
import { turns } from '../../helpers/watch-process.js'

const STILL = 25

/** Waits until the figure has not changed for some turns, with each of which it calls back. */
export async function standstill(figure: () => number, onTurn: () => void): Promise<void> {
  let last = NaN
  for (let still = 0; still < STILL; still++) {
    await turns(1)
    onTurn()
    const now = figure()
    if (now !== last) still = 0
    last = now
  }
}

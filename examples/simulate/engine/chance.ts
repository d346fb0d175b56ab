/** Chance from a seed. Only `Math.log` is asked for, which is the same in every version of V8. */
import { scriptedRandom } from 'evenkeel/testing'

export type Chance = () => number

/** A stream of its own for each purpose: what one of them takes changes nothing for the others. */
export function chance(seed: number, purpose: string): Chance {
  let mixed = seed | 0
  for (const character of purpose) mixed = Math.imul(mixed ^ character.charCodeAt(0), 0x01000193)
  return scriptedRandom(mixed)
}

/** Exponential, of mean 1. */
export function exponential(random: Chance): number {
  return -Math.log(1 - random())
}

/** One request in ten is five times as much work as the others. Mean 1, squared coefficient of variation 2.5. */
export function mixed(random: Chance): number {
  const size = random() < 0.1 ? 5 : 1
  return (size * exponential(random)) / 1.4
}

/** Numbers from 0 to `count` - 1, number k in proportion to 1 / (k + 1). */
export function zipf(count: number, random: Chance): () => number {
  const upTo = new Float64Array(count)
  let total = 0
  for (let k = 0; k < count; k++) upTo[k] = total += 1 / (k + 1)
  return () => {
    const wanted = random() * total
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((upTo[middle] ?? total) <= wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}

export function uniform(count: number, random: Chance): () => number {
  return () => Math.floor(random() * count)
}

/** Chance that is the same in every run. */

/** A source of numbers in [0, 1), to be handed in as `random`. */
export interface ScriptedRandom {
  (): number
  /** How many numbers have been taken. */
  readonly calls: number
}

export interface ScriptedRandomOptions {
  /** Start the list again when it is used up. Default false: one call too many throws. */
  repeat?: boolean
}

/**
 * The numbers of a list in turn, or, for a seed (an integer), an endless reproducible sequence (mulberry32).
 * Throws a RangeError at once for a value outside [0, 1) or a seed that is no integer,
 * and an Error when the list is used up.
 */
export function scriptedRandom(
  valuesOrSeed: readonly number[] | number,
  options: ScriptedRandomOptions = {},
): ScriptedRandom {
  const next =
    typeof valuesOrSeed === 'number'
      ? mulberry32(valuesOrSeed)
      : inTurn([...valuesOrSeed], options.repeat ?? false)
  let calls = 0
  const random = (): number => {
    const value = next()
    calls++
    return value
  }
  return Object.defineProperty(random, 'calls', { get: () => calls }) as ScriptedRandom
}

function inTurn(values: readonly number[], repeat: boolean): () => number {
  const bad = values.find((value) => !(value >= 0 && value < 1))
  if (bad !== undefined) throw new RangeError(`a random number must be in [0, 1), got ${bad}`)
  let index = 0
  return () => {
    const value = values[repeat ? index % values.length : index]
    if (value === undefined) {
      throw new Error(`scriptedRandom: all ${values.length} values are used up`)
    }
    index++
    return value
  }
}

function mulberry32(seed: number): () => number {
  if (!Number.isInteger(seed)) throw new RangeError(`a seed must be an integer, got ${seed}`)
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

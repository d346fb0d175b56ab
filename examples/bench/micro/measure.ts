/** Nanoseconds and bytes a call, by mitata. */
import { getHeapStatistics } from 'node:v8'
import { do_not_optimize, measure } from 'mitata'
import type { Case, Cost } from './case.js'

/** Few calls a sample: their garbage fits into the young generation, and most samples see no collection. */
const BATCH = 512
/** Inputs are all there before the sample begins, and should still be in the processor's cache when they are used. */
const BATCH_WITH_INPUT = 32
/** Milliseconds that a case is measured for. */
export const DEFAULT_MS = 300

export async function costOf({ name, run, input }: Case, ms: number): Promise<Cost> {
  const call = (given: unknown): void => do_not_optimize(run(given as never))
  const make = input ?? ((): undefined => undefined)
  warmUp(() => call(make()), ms / 4)
  const options = {
    min_cpu_time: ms * 1e6,
    batch_samples: input === undefined ? BATCH : BATCH_WITH_INPUT,
    heap: () => getHeapStatistics().used_heap_size,
  }
  const stats =
    input === undefined
      ? await measure(() => call(undefined), options)
      : await measure(withInput(input, call) as never, options)
  return { name, ns: stats.p50, least: stats.min, bytes: Math.round(stats.heap?.avg ?? NaN) }
}

/** mitata's form for a call with an argument that is made before each sample; its types know the argument-less only. */
function withInput(input: () => unknown, call: (given: unknown) => void): () => Generator {
  return function* () {
    yield { 0: input, bench: (given: unknown) => call(given) }
  }
}

/** Until it is compiled with the optimising compiler. */
function warmUp(call: () => void, ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until) for (let i = 0; i < 100; i++) call()
}

/**
 * Loaded before a contender: SIGUSR2 begins a profile, SIGTERM ends it, writes it and ends the process. It is what
 * --cpu-prof writes, without the start and the warm-up. BENCH_PROFILE: cpu or allocations; BENCH_PROFILE_FILE: where to.
 */
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'

const file = process.env['BENCH_PROFILE_FILE'] ?? ''
const isCpu = process.env['BENCH_PROFILE'] === 'cpu'
const session = new Session()
session.connect()

async function begin() {
  if (isCpu) {
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: 200 })
    await session.post('Profiler.start')
    return
  }
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: 4096,
    // Newer than Node 20's types. Without them, only what is still alive in the end would count.
    ...{ includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true },
  })
}

async function end() {
  const method = isCpu ? 'Profiler.stop' : 'HeapProfiler.stopSampling'
  const { profile } = /** @type {any} */ (await session.post(/** @type {any} */ (method)))
  writeFileSync(file, JSON.stringify(profile))
  process.exit(0)
}

process.on('SIGUSR2', () => void begin())
process.on('SIGTERM', () => void end())

/**
 * Many requests with failures in between. `EVENKEEL_SOAK_REQUESTS=100000 npm test -- soak` is the full length; by
 * default a shorter run keeps `npm test` short.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { SoakReport } from './soak-process.js'

const REQUESTS = Number(process.env['EVENKEEL_SOAK_REQUESTS'] ?? 20_000)

test(`${String(REQUESTS)} requests leave nothing behind`, { timeout: 600_000 }, async () => {
  const script = fileURLToPath(new URL('./soak-process.ts', import.meta.url))
  const args = [
    '--expose-gc',
    '--import',
    'tsx',
    '--conditions=evenkeel-source',
    script,
    String(REQUESTS),
  ]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args)
  const report = JSON.parse(stdout) as SoakReport
  const { heapBefore, heapAfter, ends } = report
  const growth = heapAfter / heapBefore
  console.log(
    `soak: ${String(REQUESTS)} requests in ${report.seconds.toFixed(1)} s, ${JSON.stringify(ends)}, ` +
      `${String(report.staleConnections)} stale, heap ${(heapBefore / 1e6).toFixed(1)} -> ` +
      `${(heapAfter / 1e6).toFixed(1)} MB (x ${growth.toFixed(3)})`,
  )

  expect(stderr).toBe('')
  expect(report.warnings).toEqual([])
  expect(report.connections).toEqual([0, 0])
  expect(report.statuses).toEqual(['up', 'up'])
  expect(report.peerConnectionsAfterClose).toBe(0)
  expect(report.transportFailures).toBeGreaterThan(0)
  expect(Object.values(ends).reduce((sum, count) => sum + count, 0)).toBe(REQUESTS)
  // Only what may fail has failed: POSTs that were sent, streams that were cut, clients that left.
  expect(Object.keys(ends).sort()).toEqual(['200', '502', '503', 'ECONNRESET', 'cut'])
  expect(ends['200'] ?? 0).toBeGreaterThan(REQUESTS * 0.99)
  expect(growth).toBeLessThan(1.1)
})

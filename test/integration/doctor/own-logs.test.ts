/** evenkeel's own logs have nginx's words: the doctor reads them as well. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBalancer } from 'evenkeel'
import { createMockUpstream, hugeHeader, respond } from 'evenkeel/testing'
import pino from 'pino'
import { expect, it } from 'vitest'
import { doctorCommand } from '../../../src/cli/doctor.js'
import type { DoctorReport } from '../../../src/doctor/report.js'
import { FORMAT } from '../../unit/doctor/lines.js'

it.each([
  ['/poison', 'application_errors_mark_peers', 'lines'],
  ['/big', 'oversized_headers', 'lines'],
  ['/poison', 'application_errors_mark_peers', 'pino'],
] as const)('%s: %s, by %s', async (path, mechanism, by) => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-doctor-'))
  await using a = await createMockUpstream({ answer: respond({ body: 'x' }) })
  await using b = await createMockUpstream({ answer: respond({ body: 'x' }) })
  for (const peer of [a, b]) {
    peer.route('/poison', respond({ status: 500 }))
    peer.route('/big', hugeHeader(20_000))
  }
  let access = ''
  let errors = ''
  const stream = { write: (text: string) => (access += text) !== '' }
  const balancer = createBalancer({
    preset: 'nginx',
    upstream: [a.url, b.url],
    nextUpstream: { on: ['error', 'timeout', 'http_500'] },
    accessLog: { format: FORMAT, ...(by === 'pino' ? { logger: pino({}, stream) } : { stream }) },
    errorLog: { stream: { write: (text: string) => (errors += text) !== '' } },
  })
  const server = createServer(balancer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const ask = async (target: string): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${port}${target}`)
    await response.arrayBuffer()
    return response.status
  }
  const statuses: number[] = []
  for (const target of ['/a', '/b', path, path, '/a', '/b', '/c', '/d'])
    statuses.push(await ask(target))
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
  await balancer.close()
  const lost = statuses.filter((status) => status === 502).length
  expect(lost).toBeGreaterThanOrEqual(5)

  writeFileSync(join(folder, 'access.log'), access)
  writeFileSync(join(folder, 'error.log'), errors)
  let out = ''
  const args = [
    '--access-log',
    join(folder, 'access.log'),
    '--error-log',
    join(folder, 'error.log'),
  ]
  const format = by === 'pino' ? [] : ['--log-format', FORMAT]
  const code = await doctorCommand.run([...args, ...format, '--json'], {
    stdout: (text) => (out += text),
    stderr: () => undefined,
    colour: false,
  })
  rmSync(folder, { recursive: true })
  const report = JSON.parse(out) as DoctorReport
  expect(code).toBe(1)
  expect(report.read.map(({ unmatched }) => unmatched)).toEqual([0, 0])
  expect(report.bunches).toMatchObject([{ mechanism, confidence: 'high', lost: { total: lost } }])
  expect(report.bunches[0]?.headline).toContain('marked both servers')
})

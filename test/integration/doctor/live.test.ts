/** `evenkeel doctor --live` against servers with all kinds of faults. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMockUpstream, hang, hugeHeader, raw, respond } from 'evenkeel/testing'
import type { MockUpstream } from 'evenkeel/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { doctorCommand } from '../../../src/cli/doctor.js'
import type { DoctorReport, LiveCheck } from '../../../src/doctor/report.js'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-doctor-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

async function live(
  servers: readonly (string | MockUpstream)[],
  { upstream = '', location = '', scheme = 'http', wait = '200ms' } = {},
): Promise<{ code: number; checks: readonly LiveCheck[] }> {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.conf`)
  const lines = servers.map(
    (server) => `server ${typeof server === 'string' ? server : server.address};`,
  )
  writeFileSync(
    path,
    `http { upstream example { ${lines.join(' ')} ${upstream} }
     server { location / { proxy_pass ${scheme}://example; ${location} } } }`,
  )
  let text = ''
  const code = await doctorCommand.run([path, '--live', '--live-wait', wait, '--json'], {
    stdout: (more) => (text += more),
    stderr: () => undefined,
    colour: false,
  })
  return { code, checks: (JSON.parse(text) as DoctorReport).live }
}

const KEPT = {
  upstream: 'keepalive 8;',
  location: 'proxy_http_version 1.1; proxy_set_header Connection "";',
}

const of = (checks: readonly LiveCheck[], name: string): LiveCheck | undefined =>
  checks.find(({ check }) => check === name)

describe('live', () => {
  it('a server that is well: three connections and requests at most', async () => {
    await using peer = await createMockUpstream({ answer: respond({ body: 'x' }) })
    const { code, checks } = await live([peer], KEPT)
    expect(code).toBe(0)
    expect(checks.map(({ check, result }) => `${check} ${result}`)).toEqual([
      'connect ok',
      'request ok',
      'headers ok',
      'keepalive ok',
      'expect ok',
    ])
    expect(peer.requests.map(({ method }) => method)).toEqual(['HEAD', 'OPTIONS'])
    expect(peer.connections).toBe(2)
  })

  it('closes idle connections before nginx does', async () => {
    await using peer = await createMockUpstream({ idleTimeout: 80 })
    const { code, checks } = await live([peer], { ...KEPT, wait: '2s' })
    expect(code).toBe(1)
    expect(of(checks, 'keepalive')).toMatchObject({ result: 'failed' })
    expect(of(checks, 'keepalive')?.message).toMatch(/closes an idle connection after .* stale/)
  })

  it('announces a limit below that of nginx', async () => {
    await using peer = await createMockUpstream({ announceKeepAlive: 5 })
    const { checks } = await live([peer], KEPT)
    expect(of(checks, 'keepalive')).toMatchObject({
      result: 'failed',
      message: expect.stringContaining('timeout=5') as string,
    })
    const without = await live([peer])
    expect(of(without.checks, 'keepalive')?.result).toBe('ok')
  })

  it('a header that does not fit', async () => {
    await using peer = await createMockUpstream({ answer: hugeHeader(6000) })
    expect(of((await live([peer])).checks, 'headers')?.result).toBe('failed')
    const location = 'proxy_buffer_size 16k;'
    expect(of((await live([peer], { location })).checks, 'headers')?.result).toBe('ok')
  })

  it('nobody there, no such name, no HTTP, no answer', async () => {
    await using gone = await createMockUpstream()
    await gone.close()
    await using odd = await createMockUpstream({ answer: raw('SSH-2.0-x\r\n\x1b[2J\r\n\r\n') })
    await using mute = await createMockUpstream({ answer: hang() })
    const location = 'proxy_read_timeout 300ms;'
    const { code, checks } = await live([gone, odd, mute, 'nobody.invalid:80'], { location })
    expect(code).toBe(1)
    const failed = checks.filter(({ result }) => result === 'failed')
    expect(failed.map(({ peer, check }) => `${peer} ${check}`)).toEqual([
      `${gone.address} connect`,
      `${odd.address} request`,
      `${mute.address} request`,
      'nobody.invalid:80 dns',
    ])
    expect(failed[0]?.message).toBe('ECONNREFUSED')
    expect(failed[1]?.message).toContain('not HTTP')
  })

  it('a certificate that nobody knows, for another name', async () => {
    await using peer = await createMockUpstream({ tls: forLocalhost })
    const { checks } = await live([peer], { scheme: 'https' })
    expect(of(checks, 'tls')).toMatchObject({ result: 'warning' })
    expect(of(checks, 'tls')?.message).toMatch(/not trusted.*not for the name example/)
    expect(of(checks, 'request')?.result).toBe('ok')
    const location = 'proxy_ssl_verify on; proxy_ssl_name localhost;'
    const strict = of((await live([peer], { scheme: 'https', location })).checks, 'tls')
    expect(strict?.result).toBe('failed')
    expect(strict?.message).not.toContain('not for the name')
  })
})

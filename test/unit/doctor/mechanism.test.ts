/** Logs in, mechanism out. */
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { AccessReader } from '../../../src/doctor/access-reader.js'
import { factsOf } from '../../../src/doctor/conf-facts.js'
import { Doctor } from '../../../src/doctor/doctor.js'
import type { LogReport } from '../../../src/doctor/doctor.js'
import { parseErrorLine } from '../../../src/doctor/error-line.js'
import { parseNginxConfig } from '../../../src/nginx/parse.js'
import { FORMAT, accessLine, at, blackout, bystander, calm, errorLine, iso } from './lines.js'

const conf = (
  upstream = '',
  location = '',
  server = '',
): string => `events { worker_connections 64; }
http { upstream example { server 10.0.0.1:80 ${server}; server 10.0.0.2:80 ${server}; ${upstream} }
server { location / { proxy_pass http://example; ${location} } } }`

const KEPT = conf('keepalive 32;', 'proxy_http_version 1.1; proxy_set_header Connection "";')

interface Logs {
  readonly access?: string
  readonly error?: string
  readonly config?: string | undefined
  readonly format?: string
}

function diagnose({ access, error, format = FORMAT, ...others }: Logs): LogReport {
  const config = 'config' in others ? others.config : conf()
  const reader = new AccessReader(format)
  const knows = {
    accessLog: access !== undefined,
    errorLog: error !== undefined,
    attempts: access !== undefined && format.includes('$upstream_status'),
  }
  const facts = config === undefined ? undefined : factsOf(parseNginxConfig(config))
  const doctor = new Doctor({ conf: facts, knows })
  const lines: { time: number; give: () => void }[] = []
  for (const [index, text] of (access ?? '').split('\n').entries()) {
    if (text === '') continue
    expect(reader.read(text), text).toBe(true)
    const give = (): void => {
      reader.read(text)
      doctor.access(reader, 'access.log', index + 1, text)
    }
    lines.push({ time: reader.time, give })
  }
  for (const [index, text] of (error ?? '').split('\n').entries()) {
    const line = parseErrorLine(text)
    if (line === undefined) continue
    const time = line.localTime
    lines.push({ time, give: () => doctor.error(line, time, 'error.log', index + 1, text) })
  }
  lines.sort((a, b) => a.time - b.time)
  for (const { give } of lines) give()
  return doctor.finish()
}

const failed = (second: number, path: string, more: object = {}): string =>
  accessLine(second, {
    status: 502,
    path,
    addr: '10.0.0.1:80, 10.0.0.2:80',
    statuses: '502, 502',
    connect: '0.000, 0.000',
    header: '-, -',
    response: '0.001, 0.001',
    ...more,
  })
const bystanders = (second: number, count: number): string =>
  Array.from({ length: count }, (_, i) => bystander(second + i)).join('')
const errors = (second: number, message: string, path: string, doing?: string): string =>
  ['10.0.0.1:80', '10.0.0.2:80']
    .map((upstream) =>
      errorLine(second, message, { upstream, path, ...(doing === undefined ? {} : { doing }) }),
    )
    .join('')
const HEADER = ' while reading response header from upstream'

describe('mechanisms', () => {
  it('application errors: by the access log alone', () => {
    const { bunches, findings, rescued } = diagnose({
      access: calm(0, 20) + blackout(20) + calm(32, 10),
    })
    expect(bunches).toHaveLength(1)
    expect(bunches[0]).toMatchObject({
      mechanism: 'application_errors_mark_peers',
      confidence: 'high',
      headline:
        '2 application errors (500) marked both servers of "example"; 8 bystanders lost in 8.0 s',
      blackout: true,
      start: at(20),
      end: at(28),
      lost: { total: 9, bystanders: 8, triggers: 1, undetermined: 0, byStatus: { 502: 9 } },
    })
    expect(bunches[0]?.peers.map(({ peer, marks }) => [peer, marks.length])).toEqual([
      ['10.0.0.1:80', 1],
      ['10.0.0.2:80', 1],
    ])
    expect(findings).toHaveLength(1)
    // The first 500 was delivered in the end.
    expect(rescued).toBe(0)
  })

  it('a 502 of the application is told from one of nginx by $upstream_header_time', () => {
    const { bunches } = diagnose({
      access: failed(5, '/x', { header: '0.003, 0.003', statuses: '502, 502' }) + bystanders(5, 6),
    })
    expect(bunches[0]?.mechanism).toBe('application_errors_mark_peers')
    const alone = accessLine(5, { status: 502, header: '0.003' })
    expect(diagnose({ access: alone.repeat(9) }).lost.total).toBe(0)
  })

  it('2 oversized headers, 40 bystanders', () => {
    const { bunches } = diagnose({
      access: calm(0, 5) + failed(5, '/big') + bystander(6).repeat(40),
      error: errors(5, 'upstream sent too big header', '/big', HEADER),
    })
    expect(bunches[0]).toMatchObject({
      mechanism: 'oversized_headers',
      headline: '2 oversized headers marked both servers of "example"; 40 bystanders lost in 1.0 s',
    })
    expect(bunches[0]?.fix.nginx.join()).toContain('proxy_buffer_size 16k; proxy_buffers 8 16k;')
    // More than there is.
    const [large] = diagnose({
      access: failed(5, '/big'),
      error: errors(5, 'upstream sent too big header', '/big', HEADER),
      config: conf('', 'proxy_buffer_size 32k;'),
    }).findings
    expect(large?.fix.nginx.join()).toContain('proxy_buffer_size 64k; proxy_buffers 8 64k;')
    expect(large?.fix.evenkeel.join()).toContain("bufferSize: '64k'")
  })

  it('two reasons at once: neither has what the other has marked', () => {
    const bug = accessLine(5, {
      path: '/bug',
      status: 200,
      addr: '10.0.0.1:80, 10.0.0.2:80',
      statuses: '500, 200',
      connect: '0.000, 0.000',
      header: '0.002, 0.002',
    })
    const big = accessLine(6, { path: '/big', status: 502, addr: '10.0.0.2:80', header: '-' })
    const { bunches } = diagnose({
      access: calm(0, 5) + bug + big + bystanders(7, 5),
      error: errorLine(6, 'upstream sent too big header', {
        upstream: '10.0.0.2:80',
        path: '/big',
        doing: HEADER,
      }),
    })
    expect(bunches[0]?.headline).toMatch(
      /^1 application error \(500\) and 1 failure of another kind marked both servers of "example"; 5 bys/,
    )
    expect(bunches[0]?.contributing).toEqual(['oversized_headers'])
  })

  it('stale connections, by both logs', () => {
    const access = calm(0, 20) + failed(20, '/page/1') + bystanders(21, 5) + failed(27, '/page/2')
    const error =
      errors(20, 'upstream prematurely closed connection', '/page/1', HEADER) +
      errors(27, 'recv() failed (104: Connection reset by peer)', '/page/2', HEADER)
    expect(diagnose({ access, error, config: KEPT }).bunches[0]).toMatchObject({
      mechanism: 'stale_keepalive',
      confidence: 'high',
    })
    // Nothing is kept: it cannot be that.
    expect(diagnose({ access, error }).bunches[0]?.mechanism).toBe('peer_crash')
    // The access log alone.
    expect(diagnose({ access, config: KEPT }).bunches[0]?.mechanism).toBe('stale_keepalive')
  })

  it('a URL that breaks the server is no stale connection', () => {
    const access = calm(0, 20) + failed(20, '/crash') + bystanders(21, 5)
    const error = errors(20, 'upstream prematurely closed connection', '/crash', HEADER)
    const [bunch] = diagnose({ access, error, config: KEPT }).bunches
    expect(bunch?.mechanism).toBe('peer_crash')
    expect(bunch?.because.join()).toContain('/crash')
  })

  it('connections that break at work, and refused ones after them: a crash', () => {
    const slow = { response: '0.900, 0.800', connect: '0.001, 0.001' }
    const access =
      calm(0, 20) + failed(20, '/page/1', slow) + failed(20, '/page/2', slow) + bystanders(21, 5)
    const error =
      errors(20, 'recv() failed (104: Connection reset by peer)', '/page/1', HEADER) +
      errors(20, 'recv() failed (104: Connection reset by peer)', '/page/2', HEADER) +
      errorLine(22, 'connect() failed (111: Connection refused)', { upstream: '10.0.0.1:80' })
    expect(diagnose({ access, error, config: KEPT }).bunches[0]).toMatchObject({
      mechanism: 'peer_crash',
      contributing: ['refused_connections'],
    })
  })

  it.each([
    ['connect() failed (111: Connection refused)', undefined, 'refused_connections'],
    ['connect() failed (113: No route to host)', undefined, 'unreachable'],
    ['upstream sent invalid header', HEADER, 'invalid_headers'],
    [
      'SSL_do_handshake() failed (SSL: error:1)',
      ' while SSL handshaking to upstream',
      'tls_failures',
    ],
    ['upstream timed out (110: Connection timed out)', HEADER, 'timeouts'],
    ['connect() failed (99: Cannot assign requested address)', undefined, 'connection_limits'],
    ['512 worker_connections are not enough', undefined, 'connection_limits'],
  ] as const)('%s', (message, doing, mechanism) => {
    const [bunch] = diagnose({
      access: calm(0, 5) + failed(5, '/page/1') + bystanders(6, 6),
      error: errors(5, message, '/page/1', doing),
    }).bunches
    expect(bunch?.mechanism).toBe(mechanism)
    expect(bunch?.confidence).toBe('high')
  })

  it('one slow URL, or a server that hangs', () => {
    const access = (path: string): string =>
      calm(0, 20) +
      failed(20, path, { status: 504, statuses: '504, 504' }) +
      failed(20, path, { status: 504, statuses: '504, 504' }) +
      bystanders(21, 5)
    const reasons = (path: string): string | undefined =>
      diagnose({ access: access(path) }).bunches[0]?.because.join()
    expect(reasons('/report')).toContain('/report')
    expect(reasons('/page/1')).toContain('hangs')
  })

  it('too few idle connections stand beside local ports that run out', () => {
    const [bunch] = diagnose({
      access: calm(0, 5) + failed(5, '/page/1') + bystanders(6, 6),
      error: errors(5, 'connect() failed (99: Cannot assign requested address)', '/page/1'),
    }).bunches
    expect(bunch?.contributing).toEqual(['too_few_idle_connections'])
    const kept = diagnose({
      access: failed(5, '/page/1') + bystanders(6, 6),
      error: errors(5, 'connect() failed (99: Cannot assign requested address)', '/page/1'),
      config: KEPT,
    }).bunches[0]
    expect(kept?.contributing).toEqual([])
  })

  it('connecting takes too long while others are served: too few idle connections', () => {
    const [bunch] = diagnose({
      access: calm(0, 12) + failed(5, '/page/1') + failed(6, '/page/2', { status: 504 }).repeat(6),
      error: errors(5, 'upstream timed out (110: Connection timed out)', '/page/1'),
    }).bunches
    expect(bunch?.contributing).toContain('too_few_idle_connections')
  })

  it('max_conns: nobody failed, and all were full', () => {
    const [bunch] = diagnose({
      access: bystanders(0, 6),
      config: conf('', '', 'max_conns=1'),
    }).bunches
    expect(bunch).toMatchObject({ mechanism: 'connection_limits', confidence: 'medium' })
  })

  it('unknown is said as such', () => {
    const [bunch] = diagnose({ access: bystanders(0, 6) }).bunches
    expect(bunch).toMatchObject({ mechanism: 'unknown', confidence: 'low' })
    expect(bunch?.because.join()).toContain('error log')
  })

  it('combined and a silent error log: by elimination; with the level warn by what it says', () => {
    const format = '$time_iso8601\t$status\t$request'
    const line = (second: number, status: number): string =>
      `${accessLine(second).split('\t')[0] ?? ''}\t${status}\tGET /a HTTP/1.1\n`
    const access = Array.from({ length: 8 }, (_, i) => line(i, 502)).join('')
    const refusals = Array.from({ length: 8 }, (_, i) =>
      errorLine(i, 'no live upstreams', { path: '/a' }),
    ).join('')
    const config = conf('', 'proxy_next_upstream error http_500;')
    const logs = { access, error: refusals, config, format }
    expect(diagnose(logs).bunches[0]).toMatchObject({
      mechanism: 'application_errors_mark_peers',
      confidence: 'medium',
      lost: { total: 8, undetermined: 8 },
    })
    const disabled = errors(0, 'upstream server temporarily disabled', '/bug', HEADER)
    const [bunch] = diagnose({ ...logs, error: disabled + refusals }).bunches
    expect(bunch?.mechanism).toBe('application_errors_mark_peers')
    expect(bunch?.triggers.map(({ path }) => path)).toContain('/bug')
    // Without the statuses in proxy_next_upstream it cannot be that.
    expect(diagnose({ ...logs, config: conf() }).bunches[0]?.mechanism).toBe('unknown')
    // Without a configuration it is likely. Of several upstreams it is the one that the error log names.
    const likely = { mechanism: 'application_errors_mark_peers', confidence: 'low' }
    expect(diagnose({ ...logs, config: undefined }).bunches).toMatchObject([likely])
    expect(diagnose({ error: refusals, config: undefined, format }).bunches).toMatchObject([likely])
    const second = 'http { upstream second { server 10.0.1.1:80; server 10.0.1.2:80; }'
    const several = config
      .replace('http {', second)
      .replace('server { location', 'server { location /b { proxy_pass http://second; } location')
    expect(diagnose({ ...logs, config: several }).bunches).toMatchObject([
      { mechanism: 'application_errors_mark_peers', confidence: 'medium', upstream: 'example' },
    ])
  })
})

describe('counting', () => {
  it('two bunches, and what stands alone', () => {
    const alone = accessLine(60, { status: 504, statuses: '504', header: '-', response: '60.000' })
    const report = diagnose({
      access: blackout(0) + calm(20, 20) + alone + calm(70, 10) + blackout(90),
    })
    expect(report.bunches.map(({ start }) => start)).toEqual([at(0), at(90)])
    expect(report.alone).toMatchObject({ total: 1, triggers: 1 })
    expect(report.lost.total).toBe(19)
    expect(report.findings.map(({ mechanism, lost }) => [mechanism, lost])).toEqual([
      ['application_errors_mark_peers', 18],
      ['timeouts', 1],
    ])
  })

  it('a pause below half of fail_timeout does not end a bunch, a longer one does', () => {
    const twice = (pause: number): number =>
      diagnose({ access: bystanders(0, 5) + bystanders(4 + pause, 5) }).bunches.length
    expect(twice(5)).toBe(1)
    expect(twice(6)).toBe(2)
  })

  it('a handful that failed by themselves is no bunch; two that nobody was asked for are', () => {
    const own = failed(0, '/a')
    expect(diagnose({ access: own.repeat(4) }).bunches).toHaveLength(0)
    expect(diagnose({ access: own.repeat(5) }).bunches).toHaveLength(1)
    expect(diagnose({ access: bystanders(0, 1) }).bunches).toHaveLength(0)
    expect(diagnose({ access: bystanders(0, 2) }).bunches).toHaveLength(1)
  })

  it('lines that come late belong where their time is', () => {
    const lines = blackout(10).split(/(?<=\n)/)
    const [first = '', second = '', ...rest] = lines
    const report = diagnose({ access: calm(0, 10) + rest.join('') + second + first + calm(20, 10) })
    expect(report.bunches).toHaveLength(1)
    expect(report.bunches[0]?.lost.total).toBe(9)
  })

  it('what another server made good is found, and nothing is lost', () => {
    const saved = failed(3, '/page/1', { status: 200, statuses: '502, 200', header: '-, 0.010' })
    const report = diagnose({ access: calm(0, 10) + saved, config: KEPT })
    expect(report).toMatchObject({ rescued: 1, lost: { total: 0 }, bunches: [] })
    expect(report.findings).toMatchObject([{ mechanism: 'stale_keepalive', lost: 0, rescued: 1 }])
  })

  it('in a long outage nothing is looked through again and again', () => {
    const asked = vi.spyOn(WeakSet.prototype, 'has')
    const pruned = vi.spyOn(Map.prototype, 'keys')
    onTestFinished(() => void vi.restoreAllMocks())
    const [seconds, each] = [3600, 10]
    const access = Array.from({ length: seconds }, (_, i) => failed(i, '/page').repeat(each))
    const report = diagnose({ access: access.join('') })
    expect(report.lost.total).toBe(seconds * each)
    expect(asked.mock.calls.length).toBeLessThan(seconds * each * 4)
    expect(pruned.mock.calls.length).toBeLessThan(seconds * 4)
  })

  it('connections that are turned away are in no access log, and are found all the same', () => {
    const shortage = errorLine(3, '20 worker_connections are not enough', {
      level: 'alert',
      doing: '',
    })
    const report = diagnose({ access: calm(0, 10), error: shortage })
    expect(report).toMatchObject({ lost: { total: 0 }, bunches: [] })
    expect(report.findings).toMatchObject([{ mechanism: 'connection_limits', confidence: 'high' }])
    expect(report.findings[0]?.evidence[0]?.text).toContain('worker_connections')
  })

  it('what the application answers by itself is nothing', () => {
    const statuses = [500, 503, 404, 403, 499].map((status) =>
      accessLine(1, { status, ...(status === 499 ? { statuses: '-', header: '-' } : {}) }),
    )
    const next = failed(2, '/none', { status: 200, statuses: '404, 200', header: '0.001, 0.001' })
    const report = diagnose({ access: statuses.join('') + next })
    expect(report).toMatchObject({ lost: { total: 0 }, findings: [], rescued: 0 })
  })

  it('what nginx answers by itself to requests that nobody would understand is nothing', () => {
    const bot = accessLine(1, { status: 501, addr: '-', statuses: '-', header: '-', connect: '-' })
    expect(diagnose({ access: bot.repeat(9) }).lost.total).toBe(0)
  })

  describe('502 and 504 without $upstream_header_time', () => {
    const format = '$time_iso8601\t$status\t$request\t$upstream_addr\t$upstream_status'
    const lines = (status: number, path: string, second = 10): string =>
      `${iso(second)}\t${status}\tGET ${path} HTTP/1.1\t10.0.0.1:80\t${status}\n`.repeat(6)
    const refused = (second: number, path: string): string =>
      errorLine(second, 'connect() failed (111: Connection refused)', {
        upstream: '10.0.0.1:80',
        path,
      })

    it('those that the error log does not have are the application’s', () => {
      const access = lines(502, '/theirs') + lines(504, '/theirs')
      const report = diagnose({ access, error: refused(1, '/page'), format })
      expect(report.lost.total).toBe(0)
      expect(report.findings.map(({ lost }) => lost)).toEqual([0])
    })

    it('those that it has are nginx’s', () => {
      const access = lines(502, '/page?a=1') + lines(502, '/theirs')
      const { lost, bunches } = diagnose({ access, error: refused(10, '/page?a=2'), format })
      expect(lost.total).toBe(6)
      expect(bunches).toMatchObject([{ mechanism: 'refused_connections' }])
    })

    it('an error log that begins later, or of a higher level, says nothing of them', () => {
      const access = lines(502, '/page')
      const lost = (error: string): number => diagnose({ access, error, format }).lost.total
      expect(lost(refused(11, '/else'))).toBe(6)
      expect(lost(errorLine(1, 'something', { level: 'crit' }))).toBe(6)
      expect(lost('')).toBe(6)
      expect(lost(errorLine(1, 'something', { level: 'notice', path: '/else' }))).toBe(0)
    })

    it('by peer where the path is not the one of the client; by combined the other way round', () => {
      const byUri = format.replace('$request', '$uri')
      const access = lines(502, '/rewritten').replaceAll(/GET | HTTP\/1.1/g, '')
      const error = refused(1, '/else') + refused(10, '/page')
      expect(diagnose({ access, error, format: byUri }).lost.total).toBe(6)
      const line = (path: string): string => `${iso(10)}\t502\tGET ${path} HTTP/1.1\n`.repeat(6)
      const combined = '$time_iso8601\t$status\t$request'
      const { lost } = diagnose({ access: line('/page') + line('/a'), error, format: combined })
      expect(lost.total).toBe(6)
    })

    it('a 504 that comes at once is no timeout, and nothing is sure without the error log', () => {
      const times = `${format}\t$upstream_response_time`
      const access = (time: string): string => lines(504, '/slow').replaceAll('\n', `\t${time}\n`)
      expect(diagnose({ access: access('0.004'), format: times }).lost.total).toBe(0)
      expect(diagnose({ access: access('60.001'), format: times }).bunches).toMatchObject([
        { mechanism: 'timeouts', confidence: 'medium', lost: { total: 6 } },
      ])
    })
  })

  it('upstreams are told apart', () => {
    const config = `http { upstream example { server 10.0.0.1:80; server 10.0.0.2:80; }
      upstream other { server 10.0.1.1:80; server 10.0.1.2:80; }
      server { location / { proxy_pass http://example; } location /o { proxy_pass http://other; } } }`
    const other = blackout(0).replaceAll('example', 'other').replaceAll('10.0.0.', '10.0.1.')
    const { bunches } = diagnose({ access: blackout(0) + other, config })
    expect(bunches.map(({ upstream, lost }) => [upstream, lost.total]).sort()).toEqual([
      ['example', 9],
      ['other', 9],
    ])
  })

  it('of names the port is known; who stands in two upstreams is of neither', () => {
    const config = (other: string): string =>
      `http { upstream example { server app.internal:80; server 10.0.0.2:80; server 10.0.0.2:80; }
      upstream other { server ${other}; server 10.0.1.2:90; }
      server { location / { proxy_pass http://example; } location /o { proxy_pass http://other; } } }`
    const own = failed(0, '/page')
    const both = own + bystanders(1, 3)
    const bunches = (other: string): unknown[] =>
      diagnose({ access: both, config: config(other) }).bunches.map((bunch) => [
        bunch.upstream,
        bunch.lost.total,
      ])
    expect(bunches('api.internal:90')).toEqual([['example', 4]])
    expect(bunches('10.0.0.2:80')).toEqual([['example', 3]])
    const one = own.replaceAll('10.0.0.2:80', '10.0.0.7:80')
    const report = diagnose({ access: one.repeat(5), config: config('api.internal:80') })
    expect(report.bunches.map(({ upstream }) => upstream)).toEqual([''])
  })

  it('max_fails=2: one failure each marks nobody; the only server is never marked', () => {
    const two = diagnose({ access: blackout(0), config: conf('', '', 'max_fails=2') })
    expect(two.bunches[0]?.peers.flatMap(({ marks }) => marks)).toEqual([])
    const config =
      'http { upstream example { server 10.0.0.1:80; } server { location / { proxy_pass http://example; } } }'
    const single = accessLine(0, { status: 502, header: '-', connect: '-' }).repeat(6)
    const direct = 'http { server { location / { proxy_pass http://10.0.0.1/app; } } }'
    expect(diagnose({ access: single, config: direct }).bunches[0]?.peers).toMatchObject([
      { peer: '10.0.0.1:80', failures: 6, marks: [] },
    ])
    const [bunch] = diagnose({ access: single, config }).bunches
    expect(bunch?.peers[0]?.marks).toEqual([])
    expect(bunch).toMatchObject({ mechanism: 'refused_connections', lost: { triggers: 6 } })
  })
})

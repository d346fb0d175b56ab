/** What the doctor finds in the logs of a real nginx, beside what those saw who had asked. */
import { join } from 'node:path'
import { closeConnection, hang, hugeHeader, respond } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import type { Bunch } from '../../src/doctor/report.js'
import { nginxBinary } from './differential/nginx-process.js'
import { Replay } from './doctor-stage.js'

const INCIDENT =
  'proxy_next_upstream error timeout invalid_header http_500 http_502 http_503 http_504;'
const COMBINED =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
/** That of test/fixtures/nginx/incident.conf: without `$upstream_header_time`. */
const INCIDENTS = [
  '$time_iso8601\\t$remote_addr\\t$request_method\\t$scheme://$host$request_uri',
  '$status\\t$body_bytes_sent\\t$request_time',
  '$upstream_addr\\t$upstream_status\\t$upstream_response_time',
].join('\\t')
const JSON_FORMAT =
  '{"at":"$msec","took":"$upstream_response_time","header":"$upstream_header_time","status":$status,"to":"$upstream_addr","said":"$upstream_status","request":"$request"}'
const KEPT = {
  upstream: 'keepalive 16;',
  location: 'proxy_http_version 1.1; proxy_set_header Connection "";',
}

/** The first attempt that fails, and one bunch with everybody whose request was lost. */
function onlyBunch(bunches: readonly Bunch[], lost: number): Bunch {
  expect(bunches).toHaveLength(1)
  const [bunch] = bunches
  expect(bunch?.lost.total).toBe(lost)
  expect(bunch?.blackout).toBe(true)
  expect(bunch!.lost.bystanders).toBeGreaterThan(lost / 2)
  return bunch!
}

describe.skipIf(nginxBinary === undefined).concurrent('replayed', () => {
  it('the incident: two bunches, each of two 500s and their bystanders', async () => {
    await using replay = await Replay.start({ location: INCIDENT })
    for (const peer of replay.peers) peer.route('/poison', respond({ status: 500, body: 'a bug' }))
    await replay.recover()
    for (let bunch = 0; bunch < 2; bunch++) {
      while ((await replay.ask('/poison?id=7')) !== 502);
      await replay.recover()
      if (bunch === 0) await replay.calm(2300)
    }
    const { code, report } = await replay.doctor(replay.conf)
    expect(code).toBe(1)
    expect(report.requests).toBe(replay.asked.length)
    expect(report.lost.total).toBe(replay.lost())
    expect(report.bunches).toHaveLength(2)
    for (const bunch of report.bunches) {
      expect(bunch).toMatchObject({
        mechanism: 'application_errors_mark_peers',
        confidence: 'high',
      })
      expect(bunch.headline).toMatch(
        /^2 application errors \(500\) marked both servers of "example"; \d+ bystanders lost/,
      )
      expect(bunch.lost).toMatchObject({ triggers: 1, bystanders: bunch.lost.total - 1 })
      expect(bunch.triggers.every(({ path }) => path === '/poison')).toBe(true)
      expect(new Set(bunch.triggers.map(({ peer }) => peer))).toEqual(
        new Set(replay.peers.map(({ address }) => address)),
      )
      expect(bunch.peers.every(({ marks }) => marks.length > 0)).toBe(true)
    }
    expect(report.findings.map(({ mechanism }) => mechanism)).toEqual([
      'application_errors_mark_peers',
    ])
    expect(report.findings[0]?.lost).toBe(replay.lost())
  })

  it('the same, from the error log and a combined access log', async () => {
    await using replay = await Replay.start({ location: INCIDENT, format: COMBINED })
    for (const peer of replay.peers) peer.route('/poison', respond({ status: 500 }))
    await replay.recover()
    while ((await replay.ask('/poison')) !== 502);
    await replay.recover()
    const { report } = await replay.doctor(replay.conf)
    expect(report.bunches).toMatchObject([
      { mechanism: 'application_errors_mark_peers', confidence: 'medium', blackout: true },
    ])
    expect(report.lost.total).toBe(replay.lost())
    expect(report.notes.join()).toContain('$upstream_status')
    const without = await replay.doctor('--error-log', join(replay.folder, 'error.log'))
    expect(without.report.bunches).toMatchObject([
      { mechanism: 'application_errors_mark_peers', confidence: 'low' },
    ])
    expect(without.report.lost.total).toBe(replay.lost())
  })

  it('stale connections', async () => {
    await using replay = await Replay.start(KEPT)
    await replay.recover()
    for (const peer of replay.peers)
      peer.reply(({ index }) => (index > 0 ? closeConnection() : respond({ body: 'fine' })))
    expect(await replay.ask('/page/1')).toBe(502)
    for (const peer of replay.peers) peer.reply(respond({ body: 'fine' }))
    await replay.recover()
    const { report } = await replay.doctor(replay.conf)
    const bunch = onlyBunch(report.bunches, replay.lost())
    expect(bunch).toMatchObject({ mechanism: 'stale_keepalive', confidence: 'high' })
    expect(bunch.headline).toMatch(/^2 stale keep-alive connections marked both servers/)
  })

  it('oversized headers', async () => {
    await using replay = await Replay.start({})
    for (const peer of replay.peers) peer.route('/big', hugeHeader(20_000))
    await replay.recover()
    // `invalid_header` is not listed: nobody else is asked, and the peer is marked all the same.
    expect(await replay.ask('/big')).toBe(502)
    expect(await replay.ask('/big')).toBe(502)
    await replay.recover()
    const { report } = await replay.doctor(replay.conf)
    const bunch = onlyBunch(report.bunches, replay.lost())
    expect(bunch).toMatchObject({ mechanism: 'oversized_headers', confidence: 'high' })
    expect(bunch.headline).toMatch(/^2 oversized headers marked both servers/)
    expect(bunch.triggers[0]).toMatchObject({ path: '/big', method: 'GET' })
  })

  it('timeouts', async () => {
    await using replay = await Replay.start({ location: 'proxy_read_timeout 300ms;' })
    for (const peer of replay.peers) peer.route('/slow', hang())
    await replay.recover()
    expect(await replay.ask('/slow')).toBe(504)
    await replay.recover()
    const { report } = await replay.doctor(replay.conf)
    const bunch = onlyBunch(report.bunches, replay.lost())
    expect(bunch).toMatchObject({ mechanism: 'timeouts', confidence: 'high' })
    expect(bunch.because.join()).toContain('/slow')
  })

  it('refused connections', async () => {
    await using replay = await Replay.start({})
    await replay.recover()
    for (const peer of replay.peers) await peer.crash()
    expect(await replay.ask('/page/3')).toBe(502)
    for (let i = 0; i < 10; i++) await replay.ask('/page/4')
    for (const peer of replay.peers) await peer.start()
    await replay.recover()
    const { report } = await replay.doctor(replay.conf)
    const bunch = onlyBunch(report.bunches, replay.lost())
    expect(bunch).toMatchObject({ mechanism: 'refused_connections', confidence: 'high' })
  })

  it.each([
    ['with all times', {}],
    ['in the format of the incident', { format: INCIDENTS }],
    ['combined', { format: COMBINED }],
    ['as JSON', { format: JSON_FORMAT, escape: 'json' }],
  ] as const)('a healthy log, %s: nothing', async (_, setup) => {
    const location = `${KEPT.location} if ($uri = /own) { return 204; }`
    await using replay = await Replay.start({ ...KEPT, ...setup, location, level: 'notice' })
    for (const peer of replay.peers) {
      peer.route('/bug', respond({ status: 500 }))
      peer.route('/away', respond({ status: 502 }))
      peer.route('/late', respond({ status: 504 }))
      peer.route('/none', respond({ status: 404 }))
    }
    await replay.recover()
    for (let round = 0; round < 6; round++)
      for (const path of ['/bug', '/none', '/away', '/late', '/own']) await replay.ask(path)
    await replay.recover()
    const { code, report } = await replay.doctor(replay.conf)
    expect(code).toBe(0)
    expect(report).toMatchObject({ found: false, bunches: [], findings: [], lost: { total: 0 } })
    expect(report.requests).toBe(replay.asked.length)
  })
})

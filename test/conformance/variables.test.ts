/** `$upstream_*`: one entry an attempt, joined by ", "; `-` for what there is not; seconds with three decimals. */
import { createServer, get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { createBalancer, upstreamVariables } from 'evenkeel'
import type { UpstreamVariables } from 'evenkeel'
import { closeConnection, createMockUpstream, fails, ok, respond } from 'evenkeel/testing'
import { settle, Stage } from './stage.js'

const FORMAT = /^(\d+\.\d{3}|-)(, (\d+\.\d{3}|-))*$/

describe('format', () => {
  it('one attempt', async () => {
    const stage = new Stage([{}])
    stage.does({ a: ok({ delay: 1234, body: ['12345', '67'], gap: 250 }) })
    const running = stage.begin()
    await stage.at(10)
    expect((await running.answered).variables).toMatchObject({
      upstream_addr: 'a:80',
      upstream_status: '200',
      upstream_header_time: '1.234',
      upstream_response_time: '1.734',
      upstream_response_length: '7',
    })
  })

  it('three attempts', async () => {
    const stage = new Stage([{}, {}, {}])
    stage.does({
      a: fails({ delay: 5 }),
      b: fails({ type: 'connection_read_timeout', delay: 60_000 }),
    })
    const running = stage.begin()
    await stage.at(61)
    expect((await running.answered).variables).toMatchObject({
      upstream_addr: 'a:80, b:80, c:80',
      upstream_status: '502, 504, 200',
      upstream_header_time: '-, -, 0.000',
      upstream_response_length: expect.stringMatching(/^0, 0, \d+$/),
    })
  })

  it('each entry is tied to its attempt: all eight have as many', async () => {
    const stage = new Stage([{}, {}, {}], { on: ['error', 'http_503'] })
    stage.does({ a: 503, b: 'reset' })
    const { variables } = await stage.request()
    for (const value of Object.values<string>({ ...variables }))
      expect(value.split(', ')).toHaveLength(3)
  })

  it('no peer could be chosen: the name of the upstream, 502, and the time it took', async () => {
    const { variables } = await new Stage([{ down: true }]).request()
    expect(variables).toEqual({
      upstream_addr: 'example',
      upstream_status: '502',
      // ngx_http_upstream_finalize_request: response_time is set for the last state, whatever it is.
      upstream_response_time: '0.000',
      upstream_connect_time: '-',
      upstream_header_time: '-',
      upstream_response_length: '0',
      upstream_bytes_sent: '0',
      upstream_bytes_received: '0',
    })
  })

  it('after a peer that was left: the same, joined', async () => {
    const stage = new Stage([{}, {}], { on: ['error', 'http_500'] })
    stage.does({ b: 'refused' })
    await stage.lines(2)
    stage.does({ a: 500 })
    const { variables } = await stage.request()
    expect(variables).toMatchObject({
      upstream_addr: 'a:80, example',
      upstream_status: '500, 502',
      upstream_header_time: '0.000, -',
      upstream_response_length: '0, 0',
    })
    expect(variables.upstream_response_time.split(', ')[1]).toBe('0.000')
  })

  it('live: a dash for what is not known yet', async () => {
    const stage = new Stage([{}, {}])
    stage.does({ a: 'reset' })
    const release = stage.holds('b')
    const running = stage.begin()
    await settle()
    expect(running.variables).toMatchObject({
      upstream_addr: 'a:80, b:80',
      upstream_status: '502, -',
      upstream_header_time: '-, -',
    })
    await release(200)
    await running.answered
  })

  it('the failure of an attempt has its gateway status', async () => {
    const stage = new Stage([{}, {}, {}, {}], { on: ['error', 'timeout', 'invalid_header'] })
    stage.does({ a: 'reset', b: 'read timeout', c: 'big header', d: 'connect timeout' })
    expect((await stage.request()).variables.upstream_status).toBe('502, 504, 502, 504')
  })
})

describe('on real sockets', () => {
  it('a kept connection that failed appears; times and bytes are in the format', async () => {
    await using first = await createMockUpstream({ answer: respond({ body: 'first' }) })
    await using second = await createMockUpstream({ answer: respond({ body: 'second' }) })
    const balancer = createBalancer({ preset: 'nginx', upstream: [first.url, second.url] })
    const all: UpstreamVariables[] = []
    balancer.on('finish', ({ response }) => all.push(upstreamVariables(response)!))
    const server = createServer(balancer).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    for (let i = 0; i < 3; i++) {
      if (i === 2) first.reply(closeConnection())
      const [response] = await once(get({ port, host: '127.0.0.1', agent: false }), 'response')
      await once((response as IncomingMessage).resume(), 'end')
    }
    while (all.length < 3) await settle()
    server.close()
    await balancer.close()
    expect(all.map((values) => values.upstream_addr)).toEqual([
      first.address,
      second.address,
      `${first.address}, ${second.address}`,
    ])
    expect(all[2]).toMatchObject({ upstream_status: '502, 200', upstream_response_length: '0, 6' })
    for (const values of all) {
      expect(values.upstream_response_time).toMatch(FORMAT)
      expect(values.upstream_connect_time).toMatch(FORMAT)
      expect(values.upstream_header_time).toMatch(FORMAT)
      expect(values.upstream_bytes_sent).toMatch(/^\d+(, \d+)*$/)
      expect(values.upstream_bytes_received).toMatch(/^\d+(, \d+)*$/)
    }
    // Kept alive: no time to connect.
    expect(all[2]?.upstream_connect_time).toBe('0.000, 0.000')
    expect(all[2]?.upstream_header_time).toMatch(/^-, \d+\.\d{3}$/)
  })
})

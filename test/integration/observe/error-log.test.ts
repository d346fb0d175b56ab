/** The error log, in nginx's words and past hostile bytes. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect as connectHttp2, constants, createServer as createHttp2 } from 'node:http2'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import createDebug from 'debug'
import express from 'express'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createBalancer } from 'evenkeel'
import type { BalancerOptions, ErrorLogOptions, LevelLogger } from 'evenkeel'
import { createMockUpstream, hang, raw, reset } from 'evenkeel/testing'
import type { Answer } from 'evenkeel/testing'
import { upstream } from '../../helpers/serve.js'

const NOON = new Date(2026, 10, 21, 12, 0, 0).getTime()

/** Sends the bytes to a balancer before one peer with that answer; its lines, without pid and connection. */
async function linesOf(
  answer: Answer | 'gone',
  options: Omit<BalancerOptions, 'upstream' | 'errorLog'> & { errorLog?: ErrorLogOptions } = {},
  request = 'GET /x HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n',
): Promise<readonly string[]> {
  const { errorLog, ...others } = options
  const mock = answer === 'gone' ? await createMockUpstream() : await upstream({ answer })
  if (answer === 'gone') await mock.close()
  let text = ''
  const stream = { write: (lines: string) => void (text += lines) }
  const balancer = createBalancer({
    name: 'app',
    upstream: [mock.url],
    errorLog: {
      wallTime: () => NOON,
      ...(errorLog?.logger === undefined && { stream }),
      ...errorLog,
    },
    ...others,
  })
  const server = createServer(balancer).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(request, 'latin1')
  socket.resume()
  await once(socket, 'close')
  await balancer.close()
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.replace(/\] \d+#0: \*\d+ /, '] ').replaceAll(mock.address, 'PEER'))
}

describe('the error log', () => {
  it('is in the format of nginx', async () => {
    expect(await linesOf('gone')).toContain(
      '2026/11/21 12:00:00 [error] connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, server: , request: "GET /x HTTP/1.1", upstream: "http://PEER/x", host: "example.org"',
    )
  })

  it('says that a peer is out, from `warn` on', async () => {
    const out = 'upstream server temporarily disabled while connecting to upstream'
    const options = { maxFails: 1, probe: false } as const
    const warned = await linesOf('gone', { ...options, errorLog: { level: 'warn' } })
    expect(warned.filter((line) => line.includes(`[warn] ${out}`))).toHaveLength(1)
    const errors = await linesOf('gone', { ...options, errorLog: { level: 'error' } })
    expect(errors.join()).not.toContain('[warn]')
    expect(errors).not.toHaveLength(0)
  })

  it('no request forges a line, nor a field of one', async () => {
    const [line = '', ...more] = await linesOf(
      reset(),
      { nextUpstream: { tries: 1 }, errorLog: { level: 'error' } },
      'GET /"%0a[x]"\\ HTTP/1.1\r\nHost: a.b\r\nReferer: \xe9"\r\nConnection: close\r\n\r\n',
    )
    expect(more).toEqual([])
    expect(line).toMatch(
      /request: "GET \/\\x22%0a\[x\]\\x22\\x5C HTTP\/1.1", upstream: "[^"]*", host: "a.b", referrer: "\\xE9\\x22"$/,
    )
  })

  it('long lines are cut', async () => {
    const request = `GET /${'a'.repeat(5000)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
    const [line = ''] = await linesOf(reset(), {}, request)
    expect(line.length).toBeLessThan(2048)
  })

  it('a header that is none', async () => {
    const text = (await linesOf(raw('nonsense\r\n\r\n', { close: true }))).join('\n')
    expect(text).toContain(
      'upstream sent invalid header while reading response header from upstream',
    )
  })

  it('a body that is too large', async () => {
    const request =
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nConnection: close\r\n\r\n123456789'
    expect((await linesOf(reset(), { maxBody: 5 }, request)).join()).toContain(
      'client intended to send too large body: 9 bytes, client: 127.0.0.1',
    )
  })

  it('of a mounted balancer: the request as it came, the peer with what it was sent', async () => {
    let text = ''
    const mock = await upstream({ answer: reset() })
    const balancer = createBalancer({
      upstream: [mock.url],
      nextUpstream: { tries: 1 },
      errorLog: { level: 'error', stream: { write: (lines) => void (text += lines) } },
    })
    const server = createServer(express().use('/api', balancer)).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.write('GET /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await once(socket.resume(), 'close')
    await balancer.close()
    expect(text).toContain(`request: "GET /api/x HTTP/1.1", upstream: "${mock.url}/x"`)
  })

  it('an HTTP/2 client that leaves: whose request it was', async () => {
    let text = ''
    const mock = await upstream({ answer: hang() })
    const balancer = createBalancer({
      upstream: [mock.url],
      errorLog: { level: 'info', stream: { write: (lines) => void (text += lines) } },
    })
    const server = createHttp2(balancer as never).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    onTestFinished(() => session.destroy())
    const stream = session.request({ ':path': '/two', ':authority': 'example.org' })
    stream.on('error', () => undefined)
    await vi.waitFor(() => expect(mock.requests).toHaveLength(1), { interval: 1 })
    stream.close(constants.NGHTTP2_CANCEL)
    await vi.waitFor(() => expect(text).not.toBe(''), { interval: 1 })
    await balancer.close()
    expect(text).toMatch(
      /\*[1-9]\d* client prematurely closed .*, client: 127\.0\.0\.1, server: , request: "GET \/two HTTP\/2\.0", .*, host: "example\.org"\n$/,
    )
  })

  it('a logger is given the parts', async () => {
    const logger = { error: vi.fn(), warn: vi.fn(), info: vi.fn() } satisfies LevelLogger
    expect(await linesOf(reset(), { errorLog: { logger }, nextUpstream: { tries: 1 } })).toEqual([])
    expect(logger.error.mock.calls[0]).toEqual([
      expect.objectContaining({
        client: '127.0.0.1',
        request: 'GET /x HTTP/1.1',
        host: 'example.org',
      }),
      expect.stringContaining('recv() failed (104: Connection reset by peer)'),
    ])
  })

  it('without it the lines go to debug', async () => {
    const said: string[] = []
    const log = vi.spyOn(createDebug, 'log').mockImplementation((...text: unknown[]) => {
      said.push(text.join(' '))
    })
    createDebug.enable('evenkeel:error')
    onTestFinished(() => {
      createDebug.disable()
      log.mockRestore()
    })
    const mock = await upstream({ answer: reset() })
    const balancer = createBalancer({ upstream: [mock.url] })
    const server = createServer(balancer).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const socket = connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await once(socket.resume(), 'close')
    await balancer.close()
    expect(said.join('\n')).toContain('recv() failed (104: Connection reset by peer)')
  })
})

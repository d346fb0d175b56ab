/** What a check asks, and what it makes of the answer, over real sockets. */
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HealthCheckOptions } from 'evenkeel'
import type { Answer } from 'evenkeel/testing'
import {
  closeConnection,
  dieInBody,
  hang,
  hugeHeader,
  raw,
  reset,
  respond,
  switchProtocols,
} from 'evenkeel/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { authority, client1, goodPeer } from '../../fixtures/test-only-authority.js'
import { ask } from '../../helpers/clients.js'
import { upstream } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { securePeer, tcpPeer } from '../tls/peers.js'
import { checked, FIRST, firstVerdict } from './rig.js'

watchProcess()

describe('a request', () => {
  it('is what the options say, and no more', async () => {
    const peer = await upstream()
    const healthCheck = {
      ...{ method: 'OPTIONS', path: '/health?full=1', host: 'app.test' },
      headers: { 'X-Probe': 'yes' },
    }
    expect(await firstVerdict([peer.url], healthCheck, 'passed')).toBe('passed')
    const [request] = peer.requests
    expect(request).toMatchObject({ method: 'OPTIONS', target: '/health?full=1' })
    expect(request?.headers).toMatchObject({
      host: 'app.test',
      'x-probe': 'yes',
      'user-agent': 'evenkeel-health-check',
      connection: 'close',
    })
  })

  it('names the peer', async () => {
    const peer = await upstream()
    await firstVerdict([peer.url], {}, 'passed')
    expect(peer.requests[0]).toMatchObject({ method: 'GET', target: '/' })
    expect(peer.requests[0]?.headers).toMatchObject({ host: peer.address })
  })

  it('goes over a unix socket', async () => {
    const path = join(tmpdir(), `evenkeel-health-${process.pid}.sock`)
    const peer = await upstream({ socketPath: path })
    expect(await firstVerdict([peer.url], {}, 'passed')).toBe('passed')
    expect(peer.requests[0]?.headers).toMatchObject({ host: 'localhost' })
  })

  it('goes to another port', async () => {
    const [peer, admin] = [await upstream({ answer: reset() }), await upstream()]
    expect(await firstVerdict([peer.url], { port: admin.port }, 'passed')).toBe('passed')
    expect([peer.connections, admin.requests.length]).toEqual([0, 1])
  })

  it("goes out from the upstream's own address", async () => {
    const seen: (string | undefined)[] = []
    const peer = await tcpPeer((socket) => {
      seen.push(socket.remoteAddress)
      socket.end('HTTP/1.1 200 OK\r\n\r\n')
    })
    const url = [`http://127.0.0.1:${peer.port}`]
    expect(await firstVerdict(url, {}, 'passed', { bind: '127.0.0.7' })).toBe('passed')
    expect(seen).toEqual(['127.0.0.7'])
  })
})

describe('a response', () => {
  const big = (size: number): Answer =>
    respond({ chunked: true, body: () => Array.from({ length: size }, () => 'x'.repeat(65_536)) })

  it.each([
    ['with a status that passes', respond({ status: 204 }), {}, 'passed'],
    ['that redirects', respond({ status: 302 }), {}, 'passed'],
    ['with another status', respond({ status: 404 }), {}, 'status'],
    ['with a status of its own', respond({ status: 404 }), { statuses: [404] }, 'passed'],
    ['with a status that is none', respond({ status: 999 }), {}, 'status'],
    ['with the text', respond({ body: 'I am ready.' }), { body: 'ready' }, 'passed'],
    ['with what matches', respond({ body: 'I am READY.' }), { body: /ready/i }, 'passed'],
    ['without the text', respond({ body: 'I am.' }), { body: 'ready' }, 'body'],
    [
      'with the text behind the limit',
      respond({ body: '12ready' }),
      { body: 'ready', bodyLimit: 6 },
      'body',
    ],
    [
      'with the text before the limit',
      respond({ body: 'ready12' }),
      { body: 'ready', bodyLimit: 5 },
      'passed',
    ],
    [
      'with the text, and the wrong status',
      respond({ status: 500, body: 'ready' }),
      { body: 'ready' },
      'status',
    ],
    ['after hints', respond({ informational: [{ status: 103 }, { status: 102 }] }), {}, 'passed'],
    ['that has no end, and is not read', big(2000), {}, 'passed'],
    ['that has no end, and is read', big(2000), { body: 'ready' }, 'body'],
    ['that ends in its body', dieInBody(), { body: 'ready' }, 'error'],
    ['that is none', raw('SSH-2.0-OpenSSH_9.2\r\n'), {}, 'invalid_header'],
    ['that is bytes', raw(Uint8Array.of(0, 255, 1, 254)), {}, 'invalid_header'],
    [
      'with two lengths',
      raw('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'),
      {},
      'invalid_header',
    ],
    ['with a head that is too large', hugeHeader(100_000), {}, 'invalid_header'],
    ['that changes protocols', switchProtocols({ protocol: 'x' }), {}, 'status'],
    ['that is the end', closeConnection(), {}, 'error'],
    ['that is a reset', reset(), {}, 'error'],
  ] as const)('%s: %o', async (_name, answer, healthCheck, expected) => {
    const peer = await upstream({ answer })
    const passes = expected === 'passed' ? 'passed' : 'failed'
    expect(await firstVerdict([peer.url], healthCheck, passes)).toBe(expected)
    // Nothing of it is left.
    await peer.waitFor(() => peer.openConnections === 0)
  })

  it.each([
    ['that does not come', hang(), {}],
    ['that stops in its body', respond({ body: ['rea', 'dy'], gap: 100_000 }), { body: 'ready' }],
    [
      'with hints and no end',
      respond({ informational: [{ status: 103 }], delay: 0, bodyDelay: 100_000, body: 'x' }),
      { body: 'ready' },
    ],
  ] as const)('%s: %o', async (_name, answer, healthCheck) => {
    const peer = await upstream({ answer })
    const verdict = firstVerdict(
      [peer.url],
      { timeout: 300, ...healthCheck },
      'failed',
      {},
      async (clock) => {
        await peer.waitFor(() => peer.requests.length === 1)
        clock.advance(299)
        clock.advance(1)
      },
    )
    expect(await verdict).toBe('timeout')
    await peer.waitFor(() => peer.openConnections === 0)
  })

  it('nobody is there to give', async () => {
    const peer = await upstream()
    await peer.stop()
    expect(await firstVerdict([peer.url], {}, 'failed')).toBe('error')
  })
})

describe('TLS', () => {
  it("is that of the peer's own options, and of new ones from then on", async () => {
    const mutual = { requestCert: true, rejectUnauthorized: true, ca: authority }
    const peer = await securePeer({ ...goodPeer, ...mutual })
    const peers = [{ url: peer.url, tls: { ca: authority, ...client1 } }]
    expect(await firstVerdict(peers, { path: '/health' }, 'passed')).toBe('passed')
    expect(peer.requests).toMatchObject([
      { url: '/health', client: 'client-1', servername: 'localhost' },
    ])
    const { clock, event, balancer } = await checked([peer.url], {}, { tls: { ca: authority } })
    clock.advance(FIRST)
    expect(await event(1)).toMatchObject({ healthy: false, reason: 'error' })
    balancer.upstream.updateTls({ ca: authority, ...client1 })
    clock.advance(2500)
    expect(await event(2)).toMatchObject({ healthy: true, reason: 'passed' })
  })

  it.each(['http', 'tcp'] as const)('that cannot be trusted fails (%s)', async (type) => {
    const peer = await securePeer()
    expect(await firstVerdict([peer.url], { type }, 'failed')).toBe('error')
    expect(await firstVerdict([peer.url], { type }, 'passed', { tls: { verify: false } })).toBe(
      'passed',
    )
  })
})

describe('a connection', () => {
  it('is all that is checked', async () => {
    const peer = await upstream({ answer: respond({ status: 500 }) })
    expect(await firstVerdict([peer.url], { type: 'tcp' }, 'passed')).toBe('passed')
    expect(peer.requests).toHaveLength(0)
    await peer.waitFor(() => peer.openConnections === 0)
    await peer.stop()
    expect(await firstVerdict([peer.url], { type: 'tcp' }, 'failed')).toBe('error')
  })

  it('to another port', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    expect(await firstVerdict(['http://127.0.0.1:1'], { type: 'tcp', port }, 'passed')).toBe(
      'passed',
    )
  })
})

describe('a function', () => {
  it.each<[string, NonNullable<HealthCheckOptions['check']>, string]>([
    ['true', () => true, 'passed'],
    ['nothing', () => Promise.resolve(), 'passed'],
    ['false', () => Promise.resolve(false), 'error'],
    ['a rejection', () => Promise.reject(new Error('mine')), 'error'],
    [
      'a throw',
      () => {
        throw new Error('mine')
      },
      'error',
    ],
  ])('that gives %s', async (_name, check, expected) => {
    const passes = expected === 'passed' ? 'passed' : 'failed'
    expect(await firstVerdict(['http://a'], { check }, passes)).toBe(expected)
  })

  it('is given the peer, and a signal that ends in time', async () => {
    const seen: unknown[] = []
    const check = (peer: { name: string }, signal: AbortSignal): Promise<boolean> => {
      seen.push(peer.name)
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          seen.push('aborted')
          reject(new Error('aborted'))
        })
      })
    }
    const verdict = firstVerdict(
      ['http://a:1'],
      { check, timeout: 100 },
      'failed',
      {},
      async (clock) => {
        clock.advance(100)
      },
    )
    expect(await verdict).toBe('timeout')
    expect(seen).toEqual(['a:1', 'aborted'])
  })

  it('that gives a text says what the peer can bear', async () => {
    const peer = await upstream()
    const check = (): string => 'down'
    const { clock, event, port } = await checked([peer.url], { check })
    clock.advance(FIRST)
    expect(await event(1)).toMatchObject({ healthy: false, reason: 'feedback', checks: 0 })
    expect((await ask(port)).status).toBe(502)
  })
})

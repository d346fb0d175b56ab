/** What is particular to the undici transport. All else is tested by the whole suite, which runs over it, too. */
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { Agent } from 'node:http'
import { once } from 'node:events'
import { createUpstream } from 'evenkeel'
import type { Attempt, AttemptResult, RequestSource, Transport, TransportContext } from 'evenkeel'
import { fakeClock } from 'evenkeel/testing'
import type { MockUpstream } from 'evenkeel/testing'
import { undiciTransport } from 'evenkeel/undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { authority, goodPeer } from '../../fixtures/test-only-authority.js'
import { ask } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'

watchProcess()

const transport = undiciTransport()

/** undici writes `host` in lower case, Node as it was given. */
const carriers = (mock: MockUpstream): string[] =>
  mock.requests.map(({ rawHeaders }) => (rawHeaders.includes('host') ? 'undici' : 'standard'))

describe('what carries a request', () => {
  it.each<[string, Parameters<typeof ask>[1], string]>([
    ['GET', {}, 'undici'],
    ['HEAD', { method: 'HEAD' }, 'undici'],
    [
      'POST of known length',
      { method: 'POST', body: 'hello', headers: { 'Content-Length': '5' } },
      'undici',
    ],
    ['POST without a body', { method: 'POST', headers: { 'Content-Length': '0' } }, 'undici'],
    [
      'DELETE with a body',
      { method: 'DELETE', body: 'hello', headers: { 'Content-Length': '5' } },
      'undici',
    ],
    [
      'POST of unknown length',
      { method: 'POST', body: 'hello', headers: { 'Transfer-Encoding': 'chunked' } },
      'standard',
    ],
    ['TE', { headers: { TE: 'trailers', Connection: 'TE' } }, 'standard'],
    ['*', { method: 'OPTIONS', path: '*' }, 'standard'],
    ['a method of which undici sends no length', { method: 'MKCOL' }, 'standard'],
  ])('%s', async (_, request, carrier) => {
    const mock = await upstream()
    const { port } = await serve([mock], { transport })
    expect(await ask(port, request)).toMatchObject({ whole: true, status: 200 })
    expect(carriers(mock)).toEqual([carrier])
    expect(mock.requests[0]!.body.toString()).toBe(request?.body ?? '')
  })

  it('an upstream with a pool of the user’s: the default transport, from that pool', async () => {
    const mock = await upstream()
    const agent = new Agent()
    let calls = 0
    const { port } = await serve(
      {
        upstream: createUpstream({
          peers: [mock.url],
          keepalive: () => (calls++, agent),
        }),
      },
      { transport },
    )
    expect(await ask(port)).toMatchObject({ status: 200 })
    expect({ calls, carriers: carriers(mock) }).toEqual({ calls: 1, carriers: ['standard'] })
  })

  it('what undici refuses goes on as if nothing had been tried', async () => {
    const mock = await upstream()
    const { run, passedOn } = direct(mock.url)
    expect(await run(['Host', 'a', 'Host', 'b'])).toEqual({ kind: 'aborted' })
    expect(passedOn.map(({ record }) => record.connectTime)).toEqual([-1])
    expect(mock.requests).toEqual([])
    // The connection is as good as before.
    expect(await run(['Host', 'a'])).toMatchObject({ kind: 'response' })
    expect(mock.connections).toBe(1)
  })
})

describe('connections', () => {
  it.each(['http', 'https'])('are kept from one Host to another (%s)', async (scheme) => {
    const mock = await upstream(scheme === 'https' ? { tls: goodPeer } : {})
    const { port } = await serve(
      { upstream: [`${scheme}://localhost:${mock.port}`] },
      { transport, tls: scheme === 'https' ? { ca: authority } : {} },
    )
    for (const Host of ['a.test', 'b.test', 'c.test']) {
      expect(await ask(port, { headers: { Host } })).toMatchObject({ status: 200 })
    }
    expect(mock.connections).toBe(1)
  })

  it('end with the upstream that balancers share', async () => {
    const mock = await upstream()
    const group = createUpstream({ peers: [mock.url] })
    const { port } = await serve({ upstream: group }, { transport })
    await ask(port)
    await mock.waitFor(() => mock.openConnections === 1)
    await group.close()
    await mock.waitFor(() => mock.openConnections === 0)
  })

  it('end when they have been idle for keepalive.timeout, without a request', async () => {
    const mock = await upstream()
    const clock = fakeClock()
    const { port } = await serve([mock], { transport, clock, keepalive: { timeout: '10s' } })
    await ask(port)
    await mock.waitFor(() => mock.openConnections === 1)
    clock.advance(10_001)
    await mock.waitFor(() => mock.openConnections === 0)
  })
})

/** undici 7 throws in an event handler when such a connection ends while its parser rests. */
describe('a response that ends with its connection, while nobody reads it', () => {
  /** A peer that ends so when the first part of its response has been read, and nobody wants more. */
  async function pausedAt(how: 'fin' | 'reset' | 'nothing') {
    let socket: Socket | undefined
    const peer = createServer((accepted) => {
      socket = accepted
      accepted.on('error', nothing)
      accepted.once('data', () => {
        accepted.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nfirst')
      })
    }).listen(0, '127.0.0.1')
    await once(peer, 'listening')
    onTestFinished(() => {
      peer.close()
      socket?.destroy()
    })
    const { run, made } = direct(`http://127.0.0.1:${(peer.address() as AddressInfo).port}`)
    const result = await run([])
    if (result.kind !== 'response') throw new Error(`no response: ${result.kind}`)
    const { response } = result
    const seen: string[] = []
    const over = new Promise<void>((resolve) => {
      response.start({
        data: (chunk) => {
          seen.push(chunk.toString())
          return false
        },
        end: () => (seen.push('end'), resolve()),
        fail: ({ cause }) => (
          seen.push((cause as NodeJS.ErrnoException).code ?? 'fail'),
          resolve()
        ),
      })
    })
    response.resume()
    socket!.write('second')
    while (!seen.includes('second')) await turns()
    if (how === 'fin') socket!.end()
    if (how === 'reset') socket!.resetAndDestroy()
    await turns()
    return { response, seen, over, made }
  }

  it('fin: it is whole for those who go on', async () => {
    const { response, seen, over } = await pausedAt('fin')
    response.resume()
    await over
    expect(seen).toEqual(['first', 'second', 'end'])
  })

  it('reset: it is not', async () => {
    const { seen, over } = await pausedAt('reset')
    await over
    expect(seen).toEqual(['first', 'second', 'ECONNRESET'])
  })

  it.each(['discarded', 'closed'])('and is %s', async (how) => {
    const { response, seen, made } = await pausedAt('nothing')
    if (how === 'discarded') response.discard()
    else await made.close()
    await turns()
    expect(seen.slice(0, 2)).toEqual(['first', 'second'])
  })
})

/** undici takes all that its socket has read, gives back what it has not got to, and so makes room for more each time. */
describe('a response in many small chunks, of which one at a time is wanted', () => {
  it('is not read ahead of without end', async () => {
    const chunk = Buffer.from(`1000\r\n${'x'.repeat(4096)}\r\n`)
    const several = Buffer.concat(Array.from({ length: 16 }, () => chunk))
    let written = 0
    let socket: Socket | undefined
    const peer = createServer((accepted) => {
      socket = accepted
      accepted.on('error', nothing)
      const write = (): void => {
        do written += several.length
        while (accepted.write(several))
      }
      accepted.on('drain', write)
      accepted.once('data', () => {
        accepted.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        write()
      })
    }).listen(0, '127.0.0.1')
    await once(peer, 'listening')
    onTestFinished(() => {
      peer.close()
      socket?.destroy()
    })
    const { run } = direct(`http://127.0.0.1:${(peer.address() as AddressInfo).port}`)
    const result = await run([])
    if (result.kind !== 'response') throw new Error(`no response: ${result.kind}`)
    const { response } = result
    let taken = 0
    response.start({
      data: (piece) => {
        taken += piece.length
        return false
      },
      end: nothing,
      fail: nothing,
    })
    while (taken < 4_000_000) {
      response.resume()
      await turns()
    }
    response.discard()
    // The buffers of the system hold some megabytes.
    expect(written - taken).toBeLessThan(20_000_000)
  })
})

/** The transport without a balancer. */
function direct(url: string) {
  const group = createUpstream({ peers: [url] })
  const passedOn: Attempt[] = []
  const { connections } = (group as unknown as { parts: TransportContext }).parts
  const standard: Transport = {
    name: 'standard',
    roundTrip: () => Promise.resolve({ kind: 'aborted' }),
    start: (attempt, _signal, settle) => {
      passedOn.push(attempt)
      settle({ kind: 'aborted' })
    },
    close: () => Promise.resolve(),
  }
  const made = undiciTransport().create({
    clock: fakeClock(),
    maxHeaders: 100,
    maxHeaderSize: 8000,
    pool: 'ours',
    timeouts: { connect: 1000, send: 1000, read: 1000 },
    connections,
    standard: () => standard,
  })
  onTestFinished(async () => {
    await made.close()
    await group.close()
  })
  const body: RequestSource = {
    framing: 'none',
    length: 0,
    attach: nothing,
    drained: nothing,
    detach: nothing,
  }
  const run = (headers: string[]): Promise<AttemptResult> => {
    const record = {
      connectTime: -1,
      headerTime: -1,
      responseTime: -1,
      bytesSent: 0,
      bytesReceived: 0,
      responseLength: 0,
      reused: false,
    }
    const head = { method: 'GET', target: '/', headers, upgrade: undefined }
    const peer = group.peers[0]!
    return made.roundTrip(
      { peer, head, body, connection: 'any', expectContinue: false, record },
      { aborted: false, onAbort: undefined, informational: nothing },
    )
  }
  return { run, passedOn, made }
}

function nothing(): void {
  // For those who want a function.
}

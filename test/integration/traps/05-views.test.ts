/**
 * Trap 5: a second `proxy.web` on the same request loses the body and hangs, and listeners pile up with every attempt.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { earlyResponse, reset, respond } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { ask, ask2, http2Session, keepAliveAgent } from '../../helpers/clients.js'
import { serve, upstreams } from '../../helpers/serve.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'

watchProcess()

type Counts = Record<string, number>

function listenersOf(emitter: EventEmitter): Counts {
  return Object.fromEntries(
    emitter
      .eventNames()
      .map((name) => [String(name), emitter.listeners(name).filter(isNotNodes).length] as const)
      .filter(([, count]) => count > 0),
  )
}

/** Node's server adds it where a response ends before its request has been read. */
function isNotNodes(listener: unknown): boolean {
  return (listener as () => void).name !== 'clearIncoming'
}

describe('trap 5: several attempts with one request', () => {
  it.each([100, 60_000])('a body of %d bytes is replayed whole', async (length) => {
    const mocks = await upstreams(3)
    mocks[0]!.reply(respond({ status: 503 }))
    mocks[1]!.reply(reset())
    const { port } = await serve(mocks)
    const body = Buffer.alloc(length, 'body ')
    expect(await ask(port, { method: 'PUT', body })).toMatchObject({ whole: true, status: 200 })
    const sha256 = createHash('sha256').update(body).digest('hex')
    expect(mocks.map(({ requests }) => requests.map((request) => request.sha256))).toEqual([
      [sha256],
      [sha256],
      [sha256],
    ])
  })

  it('a body still on its way is replayed whole, and goes on only once', async () => {
    const [first, second] = await upstreams(2)
    first!.reply(earlyResponse(respond({ status: 503 }), { then: 'stall' }))
    const { port, next } = await serve([first!, second!])
    const socket = connect(port, '127.0.0.1')
    let received = ''
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')))
    const ended = once(socket, 'close')
    socket.write(
      'PUT / HTTP/1.1\r\nHost: site\r\nConnection: close\r\nContent-Length: 9\r\n\r\none',
    )
    await expect.poll(() => second!.requests[0]?.bodyLength).toBe(3)
    socket.write('two')
    await expect.poll(() => second!.requests[0]?.bodyLength).toBe(6)
    socket.write('six')
    await ended
    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(next.map(({ decision }) => decision)).toEqual(['next'])
    expect(second!.requests.map(({ body }) => body.toString())).toEqual(['onetwosix'])
    expect(second!.malformed).toEqual([])
  })

  it('a body over replayBuffer is sent once, and not in part a second time', async () => {
    const [first, second] = await upstreams(2, { answer: respond({ status: 503 }) })
    const { port } = await serve([first!, second!], { replayBuffer: '1k' })
    const body = Buffer.alloc(100_000, 'x')
    expect(await ask(port, { method: 'PUT', body })).toMatchObject({ whole: true, status: 503 })
    expect([first!.requests.length, second!.requests.length]).toEqual([1, 0])
  })

  it('late events of an old attempt reach nobody', async () => {
    const [slow, good] = await upstreams(2)
    slow!.reply(respond({ status: 503, chunked: true, body: ['a', 'b', 'c'], gap: 20 }))
    good!.reply(respond({ body: ['d', 'e', 'f'], gap: 20 }))
    const { port, finished, over } = await serve([slow!, good!])
    expect(await ask(port)).toMatchObject({ whole: true, status: 200, body: 'def' })
    await over(1)
    await slow!.waitFor(() => /answered|abandoned/.test(slow!.requests[0]!.state))
    await turns()
    expect(finished).toHaveLength(1)
  })

  /** Listeners before the balancer and after the response is over, for a request that took so many attempts. */
  async function listenersAfter(
    attempts: number,
    body: Buffer | undefined,
  ): Promise<Record<'req' | 'res' | 'socket', [Counts, Counts]>> {
    const mocks = await upstreams(3)
    // In different ways, or the request is held to be at fault.
    const failures = [respond({ status: 503 }), reset()]
    for (const [i, failure] of failures.slice(0, attempts - 1).entries()) mocks[i]!.reply(failure)
    let seen: { req: IncomingMessage; res: ServerResponse } | undefined
    let before: [Counts, Counts, Counts] = [{}, {}, {}]
    const { port, finished, over } = await serve(
      mocks,
      {},
      {
        before(req, res) {
          seen = { req, res }
          before = [listenersOf(req), listenersOf(res), listenersOf(req.socket)]
        },
      },
    )
    const agent = keepAliveAgent()
    const reply = await ask(port, { agent, method: 'PUT', ...(body === undefined ? {} : { body }) })
    expect(reply).toMatchObject({ whole: true, status: 200 })
    await over(1)
    expect(finished[0]!.attempts).toHaveLength(attempts)
    await turns()
    const { req, res } = seen!
    return {
      req: [before[0], listenersOf(req)],
      res: [before[1], listenersOf(res)],
      socket: [before[2], listenersOf(req.socket)],
    }
  }

  it.each([
    ['no body', undefined],
    ['a body', Buffer.alloc(10_000, 'x')],
  ])('no listener is left on request, response and socket: %s', async (_name, body) => {
    const three = await listenersAfter(3, body)
    for (const [what, [before, after]] of Object.entries(three)) {
      for (const [name, count] of Object.entries(after)) {
        // The one for a client that leaves is of no more use, and costs less than it would to take it away.
        const ours = what === 'res' && name === 'close' ? 1 : 0
        expect(count, `${what} ${name}`).toBeLessThanOrEqual((before[name] ?? 0) + ours)
      }
    }
  })

  it.each([
    ['no body', undefined],
    ['a body', Buffer.alloc(10_000, 'x')],
  ])('nor does any grow with the attempts: %s', async (_name, body) => {
    const one = await listenersAfter(1, body)
    const three = await listenersAfter(3, body)
    expect(three).toEqual(one)
  })

  it('many requests on one connection leave none on its socket', async () => {
    const mocks = await upstreams(3)
    mocks[0]!.reply(respond({ status: 503 }))
    mocks[1]!.reply(reset())
    const counts: string[] = []
    const { port } = await serve(
      mocks,
      { maxFails: 0, retryBudget: false },
      { before: (req) => void counts.push(JSON.stringify(listenersOf(req.socket))) },
    )
    const agent = keepAliveAgent()
    for (let i = 0; i < 20; i++) await ask(port, { agent, method: 'PUT', body: 'x' })
    expect(new Set(counts).size).toBe(1)
  })

  it('and so it is over HTTP/2', async () => {
    const mocks = await upstreams(3)
    mocks[0]!.reply(respond({ status: 503 }))
    mocks[1]!.reply(reset())
    const { port } = await serve(mocks, { maxFails: 0, retryBudget: false }, { kind: 'http2' })
    const session = http2Session(port)
    for (let i = 0; i < 20; i++) {
      const reply = await ask2(session, { ':method': 'PUT' }, 'x')
      expect(reply).toMatchObject({ whole: true, status: 200 })
    }
  })
})

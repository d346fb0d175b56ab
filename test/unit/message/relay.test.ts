import { describe, expect, it } from 'vitest'
import { breakOff, relayBody, writeHead } from '../../../src/message/relay.js'
import type { ClientResponse, RelayOutcome, RelayOwner } from '../../../src/message/relay.js'
import type {
  BodySink,
  UpstreamFailure,
  UpstreamResponse,
} from '../../../src/next-upstream/attempt-result.js'
import { Client } from '../balancer/client.js'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A response whose body the test sends by hand. */
class Upstream implements UpstreamResponse {
  readonly rawHeaders = []
  sink: BodySink | undefined
  resumed = 0
  discarded = 0
  constructor(
    readonly status = 200,
    readonly statusMessage = 'OK',
  ) {}
  start(sink: BodySink): void {
    this.sink = sink
  }
  resume(): void {
    this.resumed++
  }
  discard(): void {
    this.discarded++
  }
}

const TRUNCATED: UpstreamFailure = {
  condition: 'error',
  phase: 'body',
  type: 'http_response_incomplete',
  requestSent: true,
  reusedConnection: false,
  responseStarted: true,
  cause: undefined,
}

function head(
  headers: readonly string[],
  prepare: (res: ClientResponse) => void = () => undefined,
  upstream = new Upstream(),
): Client {
  const client = new Client()
  prepare(client.res)
  writeHead(client.res, upstream, headers)
  client.res.end()
  return client
}

describe('writeHead', () => {
  it('writes status, reason and fields as they came, in order and case', async () => {
    const client = head(
      ['X-B', '1', 'x-a', '2', 'X-B', '3'],
      undefined,
      new Upstream(418, 'Teapot!'),
    )
    await turn()
    const lines = client.bytes.toString().split('\r\n')
    expect(lines.slice(0, 4)).toEqual(['HTTP/1.1 418 Teapot!', 'X-B: 1', 'x-a: 2', 'X-B: 3'])
  })

  it('keeps what middleware has set, and lets the upstream win', async () => {
    const client = head(['X-A', 'upstream', 'Set-Cookie', 'a=1', 'set-cookie', 'b=2'], (res) => {
      res.setHeader('X-A', 'mine')
      res.setHeader('X-Mine', 'kept')
    })
    await turn()
    expect(client.reply.headers).toMatchObject({
      'x-a': 'upstream',
      'x-mine': 'kept',
      'set-cookie': 'a=1, b=2',
    })
    expect(client.bytes.toString().match(/set-cookie/gi)).toHaveLength(2)
  })

  it('sets single fields where writeHead has been replaced, as compression and on-headers do', () => {
    const seen: unknown[] = []
    head(['X-A', '1', 'X-A', '2'], (res) => {
      const original = res.writeHead.bind(res)
      res.writeHead = (...args: unknown[]) => {
        seen.push(res.getHeader('x-a'))
        return Reflect.apply(original, res, args) as ClientResponse
      }
    })
    expect(seen).toEqual([['1', '2']])
  })

  it.each([
    ['a status out of range', [], new Upstream(99)],
    ['a control character in the reason', [], new Upstream(200, 'a\u0001b')],
    ['a control character in a value', ['X-A', 'a\u0001b'], new Upstream()],
    ['a space in a name', ['X A', 'b'], new Upstream()],
  ] as const)('throws for %s, with nothing written', async (_name, headers, upstream) => {
    for (const withMiddleware of [false, true]) {
      const client = new Client()
      if (withMiddleware) client.res.setHeader('X-Mine', 'kept')
      const fields = ['X-Good', 'yes', ...headers]
      expect(() => writeHead(client.res, upstream, fields)).toThrow()
      await turn()
      expect(client.res.headersSent).toBe(false)
      expect(client.bytes).toHaveLength(0)
      expect(client.res.getHeader('x-good')).toBeUndefined()
      expect(client.res.getHeader('x-mine')).toBe(withMiddleware ? 'kept' : undefined)
    }
  })

  it('puts back what middleware had set when the upstream’s cannot be written', () => {
    const client = new Client()
    client.res.setHeader('X-A', 'mine')
    expect(() =>
      writeHead(client.res, new Upstream(), ['X-A', 'theirs', 'X-B', '\u0001']),
    ).toThrow()
    expect(client.res.getHeader('x-a')).toBe('mine')
    expect(client.res.getHeader('x-b')).toBeUndefined()
  })

  it('gives HTTP/2 no reason phrase', () => {
    const calls: unknown[][] = []
    const fields = new Map<string, unknown>()
    const res = {
      stream: { close: () => undefined },
      getHeaderNames: () => [],
      getHeader: (name: string) => fields.get(name),
      setHeader: (name: string, value: unknown) => fields.set(name, value),
      writeHead: (...args: unknown[]) => calls.push(args),
    }
    writeHead(res as unknown as ClientResponse, new Upstream(204, 'No Content'), ['X-A', '1'])
    expect(calls).toEqual([[204]])
    expect([...fields]).toEqual([['X-A', '1']])
  })
})

function relaying() {
  const client = new Client()
  client.res.writeHead(200)
  const upstream = new Upstream()
  const signal: RelayOwner = { onAbort: undefined, clientGone: false, onClientGone: undefined }
  const outcomes: RelayOutcome[] = []
  void Promise.resolve(relayBody(client.res, upstream, signal)).then((outcome) =>
    outcomes.push(outcome),
  )
  const sink = upstream.sink!
  return { client, upstream, signal, outcomes, sink }
}

describe('relayBody', () => {
  it('sends every chunk, and ends', async () => {
    const { client, outcomes, sink } = relaying()
    expect(sink.data(Buffer.from('ab'))).toBe(true)
    sink.data(Buffer.from('cd'))
    sink.end([])
    await turn()
    expect(outcomes).toEqual([{ kind: 'complete' }])
    expect(client.reply).toMatchObject({ body: 'abcd', whole: true })
  })

  it('pauses the upstream while the client is slow, and resumes it once', async () => {
    const { client, upstream, sink } = relaying()
    client.socket.gateOpen = false
    const big = Buffer.alloc(100_000)
    expect(sink.data(big)).toBe(false)
    expect(sink.data(big)).toBe(false)
    await turn()
    expect(upstream.resumed).toBe(0)
    client.socket.openGate()
    await turn()
    expect(upstream.resumed).toBe(1)
    client.socket.gateOpen = false
    expect(sink.data(big)).toBe(false)
    client.socket.openGate()
    await turn()
    expect(upstream.resumed).toBe(2)
  })

  it('breaks the client’s response off when the upstream dies', async () => {
    const { client, outcomes, sink } = relaying()
    sink.data(Buffer.from('ab'))
    sink.fail(TRUNCATED)
    await turn()
    expect(outcomes).toEqual([{ kind: 'truncated', failure: TRUNCATED }])
    expect(client.reply).toMatchObject({ whole: false })
    expect(client.socket.destroyed).toBe(true)
  })

  it('gives the upstream up when the client leaves', async () => {
    const { upstream, outcomes, signal } = relaying()
    signal.onAbort?.()
    await turn()
    expect(upstream.discarded).toBe(1)
    expect(outcomes).toEqual([{ kind: 'aborted' }])
  })
})

describe('breakOff', () => {
  it('resets an HTTP/2 stream with INTERNAL_ERROR and leaves its connection', () => {
    const codes: number[] = []
    const res = {
      stream: { close: (code: number) => codes.push(code) },
      destroy: expect.unreachable,
    }
    breakOff(res as unknown as ClientResponse)
    expect(codes).toEqual([2])
  })
})

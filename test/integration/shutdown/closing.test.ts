/** close() while something unusual is under way: uploads, a queue, other calls of close(), streams of HTTP/2. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { constants } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { connect } from 'node:net'
import type { Writable } from 'node:stream'
import { respond } from 'evenkeel/testing'
import type { Answer } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { ask, http2Session } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'

watchProcess()

/** Answers when it is opened, and counts who has asked. */
function gate(): { answer: Answer; open: () => void; asked: (count: number) => Promise<void> } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  let count = 0
  const waiting: { count: number; resolve: () => void }[] = []
  const late = respond({ body: 'late' })
  const answer: Answer = {
    startsAt: 'request',
    async play(exchange) {
      count++
      for (const each of waiting) if (count >= each.count) each.resolve()
      await opened
      await late.play(exchange)
    },
  }
  const asked = (wanted: number): Promise<void> =>
    count >= wanted
      ? Promise.resolve()
      : new Promise((resolve) => waiting.push({ count: wanted, resolve }))
  return { answer, open, asked }
}

/** Is it settled by now? */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false
  void promise.then(() => (done = true))
  await turns()
  return done
}

describe('close() more than once', () => {
  it('resolves each time, when the last request is over, and at once after that', async () => {
    const mock = await upstream()
    const late = gate()
    mock.reply(late.answer)
    const { port, balancer } = await serve([mock])
    const running = ask(port)
    await late.asked(1)
    const first = balancer.close()
    const second = balancer.close()
    expect(await settled(Promise.race([first, second]))).toBe(false)
    late.open()
    await Promise.all([first, second])
    expect(await running).toMatchObject({ status: 200, whole: true })
    await balancer.close()
  })

  it('with a timeout the second time: that is what counts', async () => {
    const mock = await upstream()
    const late = gate()
    mock.reply(late.answer)
    const { port, balancer } = await serve([mock])
    const running = ask(port)
    await late.asked(1)
    const patient = balancer.close()
    await Promise.all([balancer.close({ timeout: 1 }), patient])
    expect(await running).toMatchObject({ status: 503, whole: true })
    late.open()
  })
})

const CLIENTS = ['h1', 'h2'] as const
const HALF = Buffer.alloc(100_000, 'ab')
const sha256 = createHash('sha256').update(HALF).update(HALF).digest('hex')

interface Upload {
  readonly body: Writable
  readonly status: Promise<number>
}

function upload(client: (typeof CLIENTS)[number], port: number): Upload {
  if (client === 'h1') {
    const headers = { 'content-length': 2 * HALF.length }
    const outgoing = request({ port, host: '127.0.0.1', agent: false, method: 'PUT', headers })
    outgoing.on('error', () => undefined)
    const status = new Promise<number>((resolve) => {
      outgoing.on('response', (response) => resolve(response.resume().statusCode ?? 0))
    })
    return { body: outgoing, status }
  }
  const stream = http2Session(port).request({ ':path': '/', ':method': 'PUT' })
  stream.on('error', () => undefined)
  stream.resume()
  const status = once(stream, 'response').then(([fields]) => Number(fields[':status']))
  return { body: stream, status }
}

describe.each(['replay', 'full', 'off'] as const)(
  'close() with an upload under way (%s)',
  (mode) => {
    it.each(CLIENTS)('%s: the rest is taken, and answered', async (client) => {
      const mock = await upstream()
      const kind = client === 'h1' ? 'http' : 'http2'
      const entered: unknown[] = []
      const { port, balancer } = await serve(
        [mock],
        { requestBuffering: mode, bodyBuffer: '1k' },
        { kind, before: (req) => entered.push(req) },
      )
      const { body, status } = upload(client, port)
      body.write(HALF)
      while (entered.length === 0) await turns()
      const closing = balancer.close()
      expect(await settled(closing)).toBe(false)
      body.end(HALF)
      expect(await status).toBe(200)
      await closing
      expect(mock.requests.map((each) => each.sha256)).toEqual([sha256])
    })

    it.each(CLIENTS)(
      '%s: with a timeout it is given up, and the client is told',
      async (client) => {
        const mock = await upstream()
        const kind = client === 'h1' ? 'http' : 'http2'
        const entered: unknown[] = []
        const { port, balancer, finished } = await serve(
          [mock],
          { requestBuffering: mode, bodyBuffer: '1k' },
          { kind, before: (req) => entered.push(req) },
        )
        const { body, status } = upload(client, port)
        body.write(HALF)
        while (entered.length === 0) await turns()
        await balancer.close({ timeout: 1 })
        expect(await status).toBe(503)
        expect(finished).toMatchObject([{ status: 503, error: { code: 'ERR_CLOSING' } }])
        body.destroy()
      },
    )
  },
)

describe('close() while requests wait for a peer', () => {
  const waiting = { whenNoneLive: 'wait', queue: { size: 10, timeout: '30s' } } as const

  it('they are served when their turn comes', async () => {
    const mock = await upstream()
    const late = gate()
    mock.reply(late.answer)
    const peers = { upstream: [{ url: mock.url, maxConns: 1 }] }
    const entered: unknown[] = []
    const served = await serve(peers, waiting, { before: (req) => entered.push(req) })
    const { port, balancer } = served
    const replies = Promise.all([ask(port), ask(port), ask(port)])
    await late.asked(1)
    while (entered.length < 3) await turns()
    const closing = balancer.close()
    expect(await settled(closing)).toBe(false)
    late.open()
    const answered = { status: 200, body: 'late', whole: true }
    expect(await replies).toMatchObject([answered, answered, answered])
    await closing
  })

  it('with a timeout they are told so', async () => {
    const mock = await upstream()
    const late = gate()
    mock.reply(late.answer)
    const peers = { upstream: [{ url: mock.url, maxConns: 1 }] }
    const entered: unknown[] = []
    const served = await serve(peers, waiting, { before: (req) => entered.push(req) })
    const { port, balancer, errors } = served
    const replies = Promise.all([ask(port), ask(port)])
    await late.asked(1)
    while (entered.length < 2) await turns()
    await balancer.close({ timeout: 1 })
    expect(await replies).toMatchObject([{ status: 503 }, { status: 503 }])
    expect(errors.map((error) => error.code)).toEqual(['ERR_CLOSING', 'ERR_CLOSING'])
    late.open()
  })
})

/** How a stream ended: its body, or the code with which it was refused. */
function endOf(stream: ClientHttp2Stream): Promise<string> {
  return new Promise((resolve) => {
    let body = ''
    let ended = false
    stream.on('data', (chunk: Buffer) => (body += chunk.toString()))
    stream.on('end', () => (ended = true))
    stream.on('error', () => undefined)
    stream.on('close', () => {
      const whole = ended && stream.rstCode === constants.NGHTTP2_NO_ERROR
      resolve(whole ? body : `reset ${stream.rstCode}`)
    })
  })
}

const get = (session: ClientHttp2Session, path: string): ClientHttp2Stream =>
  session.request({ ':path': path })

describe('close() and HTTP/2', () => {
  it('finishes all streams of all connections', async () => {
    const mock = await upstream()
    const late = gate()
    mock.reply(late.answer)
    const { port, balancer } = await serve([mock], {}, { kind: 'http2' })
    const sessions = Array.from({ length: 5 }, () => http2Session(port))
    const ends = sessions.flatMap((session) =>
      Array.from({ length: 10 }, () => endOf(get(session, '/'))),
    )
    const gone = sessions.map((session) => once(session, 'close'))
    await late.asked(50)
    const closing = balancer.close()
    expect(await settled(closing)).toBe(false)
    late.open()
    expect(new Set(await Promise.all(ends))).toEqual(new Set(['late']))
    await Promise.all([closing, ...gone])
  })

  it('a stream that crosses the GOAWAY is served, or refused so that it may be sent again', async () => {
    const mock = await upstream()
    const late = gate()
    mock.route('/late', late.answer)
    const { port, balancer } = await serve([mock], {}, { kind: 'http2' })
    const session = http2Session(port)
    const running = endOf(get(session, '/late'))
    await late.asked(1)
    const closing = balancer.close()
    // In the same turn: the client cannot know of it.
    const crossing = Array.from({ length: 10 }, (_, n) => ({
      path: `/${n}`,
      end: endOf(get(session, `/${n}`)),
    }))
    for (const { path, end } of crossing) {
      const how = await end
      const asked = mock.requests.some(({ target }) => target === path)
      // RFC 9113 sections 6.8 and 8.7: nobody has looked at it.
      if (how === `reset ${constants.NGHTTP2_REFUSED_STREAM}`) expect(asked).toBe(false)
      else expect({ how, asked }).toEqual({ how: '', asked: true })
    }
    late.open()
    expect(await running).toBe('late')
    await closing
  })
})

describe('close() with an answer that is written, and that its client has not taken yet', () => {
  it('waits until the client has it, or has left', async () => {
    const mock = await upstream()
    const body = Buffer.alloc(64 * 1024, 'x')
    mock.reply(respond({ body }))
    let release = (): void => undefined
    const { port, balancer, over } = await serve(
      [mock],
      {},
      {
        before({ socket }) {
          // As with a client that reads nothing: what is written stays with us.
          const writev = socket._writev?.bind(socket)
          socket._writev = (chunks, done) => {
            release = () => writev?.(chunks, done)
          }
        },
      },
    )
    const client = connect(port, '127.0.0.1')
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await over(1)
    const closing = balancer.close()
    expect(await settled(closing)).toBe(false)
    let length = 0
    client.on('data', (chunk: Buffer) => (length += chunk.length))
    release()
    await closing
    while (length < body.length) await once(client, 'data')
    client.destroy()
  })
})

/** Trap 2: an upstream that dies in mid-body leaves the client hanging. Nothing cut short may look whole. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dieInBody, reset, respond } from 'evenkeel/testing'
import type { CloseHow } from 'evenkeel/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bytesThen } from '../../helpers/answers.js'
import { ask, ask2, http2Session, keepAliveAgent, rawAsk } from '../../helpers/clients.js'
import type { Reply } from '../../helpers/clients.js'
import { serve, upstream, upstreams } from '../../helpers/serve.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'

watchProcess()

const HOW: readonly CloseHow[] = ['fin', 'reset']
/** By default a short response of known length is read whole before any of it is sent. */
const STREAMED = { wholeResponse: 0 }

describe.each(HOW)('trap 2: an upstream that dies in mid-body (%s) breaks the client', (how) => {
  it.each(['chunked', 1000] as const)('framed by %s', async (announce) => {
    const mock = await upstream({ answer: dieInBody({ announce, how }) })
    const { port, errors, over } = await serve([mock], STREAMED)
    const reply = await ask(port)
    expect(reply).toMatchObject({ whole: false })
    await over(1)
    expect(errors.map(({ code }) => code)).toEqual(['ERR_UPSTREAM_TRUNCATED'])
  })

  it.each(['chunked', 1000] as const)('framed by %s, on a kept connection', async (announce) => {
    const mock = await upstream()
    mock.script([respond({ body: 'one' }), dieInBody({ announce, how })])
    const { port } = await serve([mock], STREAMED)
    const agent = keepAliveAgent()
    expect(await ask(port, { agent })).toMatchObject({ whole: true, body: 'one' })
    expect(await ask(port, { agent })).toMatchObject({ whole: false })
  })

  it.each(['chunked', 1000] as const)('framed by %s, HTTP/2', async (announce) => {
    const mock = await upstream({ answer: dieInBody({ announce, how }) })
    const { port } = await serve([mock], STREAMED, { kind: 'http2' })
    const session = http2Session(port)
    expect(await ask2(session)).toMatchObject({ whole: false })
    mock.reply(respond({ body: 'next' }))
    expect(await ask2(session)).toMatchObject({ whole: true, body: 'next' })
  })

  // Without chunked framing the end of the connection ends the body: only a reset tells.
  it.each(['chunked', 1000] as const)('framed by %s, HTTP/1.0', async (announce) => {
    const mock = await upstream({ answer: dieInBody({ announce, how }) })
    const { port } = await serve([mock], STREAMED)
    const { bytes, ended } = await rawAsk(port, 'GET / HTTP/1.0\r\nHost: site\r\n\r\n')
    const length = /^content-length: (\d+)\r$/im.exec(bytes)?.[1]
    const looksWhole = bytes !== '' && ended === 'fin' && length === undefined
    expect(looksWhole, `${bytes} ended by ${ended}`).toBe(false)
  })

  // Neither has a reset to give: what must not happen is that asking for one throws.
  it.each(['https', 'unix socket'] as const)('HTTP/1.0 over %s', async (kind) => {
    const mock = await upstream({ answer: dieInBody({ announce: 'chunked', how }) })
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'server.sock')
    const { port, errors, over } = await serve(
      [mock],
      STREAMED,
      kind === 'https' ? { kind } : { path },
    )
    const request = 'GET / HTTP/1.0\r\nHost: site\r\n\r\n'
    await (kind === 'https' ? rawAsk(port, request, 'tls') : rawAsk(path, request))
    await over(1)
    expect(errors.map(({ code }) => code)).toEqual(['ERR_UPSTREAM_TRUNCATED'])
  })

  it('framed by EOF, HTTP/1.0', async () => {
    if (how === 'fin') return // That is its end.
    const mock = await upstream({ answer: bytesThen('HTTP/1.1 200 OK\r\n\r\nhalf of the bo', how) })
    const { port } = await serve([mock])
    const { bytes, ended } = await rawAsk(port, 'GET / HTTP/1.0\r\nHost: site\r\n\r\n')
    expect(bytes !== '' && ended === 'fin', `${bytes} ended by ${ended}`).toBe(false)
  })

  it.each(['http', 'http2'] as const)(
    'the client being too slow to read what came before (%s)',
    async (kind) => {
      const long = Buffer.alloc(8_000_000, 'x')
      const mock = await upstream({ answer: dieInBody({ announce: 9_000_000, send: long, how }) })
      const { port, over } = await serve([mock], {}, { kind })
      const reply = kind === 'http' ? ask(port) : ask2(http2Session(port))
      expect(await reply).toMatchObject({ whole: false })
      await over(1)
    },
  )
})

describe('trap 2: what comes after a complete body does not make it a broken one', () => {
  const complete = [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  ]
  const junk = ['junk', '\r\n', '\0', 'HTTP/1.1 200 OK\r\n\r\n']

  it.each(['by default', 'streamed'])('junk (%s)', async (mode) => {
    for (const bytes of complete.flatMap((one) => junk.map((other) => one + other))) {
      const mock = await upstream()
      mock.script([bytesThen(bytes, 'fin'), respond({ body: 'next' })])
      const { port, errors, over } = await serve([mock], mode === 'streamed' ? STREAMED : {})
      const label = JSON.stringify(bytes)
      expect(await ask(port), label).toMatchObject({ whole: true, status: 200, body: 'hello' })
      expect(await ask(port), label).toMatchObject({ whole: true, status: 200, body: 'next' })
      await over(2)
      expect(errors, label).toEqual([])
    }
  })

  it.each(HOW)('the end of its connection, while it is held (%s)', async (how) => {
    const [first, second] = await upstreams(2)
    const busy = 'HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbusy\r\n0\r\n\r\n'
    first!.reply(bytesThen(busy, how))
    let go = (): void => undefined
    const gate = new Promise<void>((resolve) => (go = resolve))
    second!.reply(async () => (await gate, reset()))
    const { port, errors, over } = await serve([first!, second!], STREAMED)
    const reply = ask(port)
    await second!.waitFor(() => second!.requests.length === 1)
    await first!.waitFor(() => first!.openConnections === 0)
    await turns()
    go()
    expect(await reply).toMatchObject({ whole: true, status: 503, body: 'busy' })
    await over(1)
    expect(errors).toEqual([])
  })
})

/** Every response with where its head ends. */
const RESPONSES = [
  {
    framing: 'content-length',
    head: 'HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\n',
    body: 'hello',
  },
  {
    framing: 'chunked',
    head: 'HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n',
    body: '5\r\nhello\r\n0\r\n\r\n',
  },
  { framing: 'EOF', head: 'HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n', body: 'hello' },
] as const

const CLIENTS = ['HTTP/1.1', 'HTTP/2'] as const
const MODES = [
  { mode: 'by default', options: {} },
  { mode: 'streamed', options: STREAMED },
] as const

const cases = RESPONSES.flatMap((response) =>
  HOW.flatMap((how) =>
    CLIENTS.flatMap((client) => MODES.map((mode) => ({ ...response, ...mode, how, client }))),
  ),
)

describe.each(cases)(
  'trap 2: a $framing response cut (by $how) at every byte, to an $client client, $mode',
  ({ framing, head, body, how, client, mode, options }) => {
    const whole = head + body

    /** `rest`: what a request gets that is cut before anything of its answer has been sent on. */
    function check(at: number, reply: Reply, rest: Partial<Reply>): void {
      const label = `cut at ${at}: ${JSON.stringify(reply)}`
      const isRead = framing === 'content-length' && mode === 'by default'
      const isComplete = at === whole.length && !(framing === 'EOF' && how === 'reset')
      if (isComplete) {
        expect(reply, label).toMatchObject({ whole: true, status: 200, body: 'hello' })
      } else if (at < head.length || isRead) {
        expect(reply, label).toMatchObject({ whole: true, ...rest })
      } else if (framing === 'EOF' && how === 'fin') {
        // The end of the connection is the end of the body: what came is all there is.
        expect(reply, label).toMatchObject({ whole: true, body: whole.slice(head.length, at) })
      } else {
        expect(reply, label).toMatchObject({ whole: false })
      }
    }

    async function atEveryByte(peers: number, rest: Partial<Reply>): Promise<void> {
      const mocks = await upstreams(peers)
      const { port } = await serve(
        mocks,
        { ...options, maxFails: 0, retryBudget: false, readTimeout: '10s' },
        { kind: client === 'HTTP/2' ? 'http2' : 'http' },
      )
      // The first attempt of a request is cut, any further one is not.
      const seen = new Set<string>()
      for (const mock of mocks) {
        mock.reply((request) => {
          const at = request.headers['x-at'] ?? ''
          if (seen.has(at)) return respond({ body: 'the other' })
          seen.add(at)
          return bytesThen(whole.slice(0, Number(at)), how)
        })
      }
      const session = client === 'HTTP/2' ? http2Session(port) : undefined
      await Promise.all(
        Array.from({ length: whole.length + 1 }, async (_, at) => {
          const headers = { 'x-at': String(at) }
          const reply =
            session === undefined ? await ask(port, { headers }) : await ask2(session, headers)
          check(at, reply, rest)
        }),
      )
    }

    it('is a 502 or broken, with one upstream', async () => {
      await atEveryByte(1, { status: 502 })
    })

    it('is the next upstream’s answer or broken, with two', async () => {
      await atEveryByte(2, { status: 200, body: 'the other' })
    })
  },
)

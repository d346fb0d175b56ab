/** The access log around servers of all kinds: one line a response, whoever has answered it and however it ended. */
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import {
  connect as connectHttp2,
  constants,
  createSecureServer,
  createServer as createHttp2,
} from 'node:http2'
import { createServer as createHttpsServer, get as getHttps } from 'node:https'
import { connect } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { Writable } from 'node:stream'
import express from 'express'
import fastify from 'fastify'
import morgan from 'morgan'
import pino from 'pino'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { accessLog, createBalancer, morganTokens } from 'evenkeel'
import type { AccessLogOptions, BalancerOptions } from 'evenkeel'
import { fakeClock, hang, respond } from 'evenkeel/testing'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import { settle } from '../../conformance/stage.js'
import { upstream } from '../../helpers/serve.js'

/** What was written, and when a number of lines is there. */
class Written {
  text = ''
  readonly stream = {
    write: (text: string): void => {
      this.text += text
    },
  }

  async lines(count: number): Promise<readonly string[]> {
    await vi.waitFor(() => expect(this.text.split('\n').length).toBeGreaterThan(count), {
      interval: 1,
    })
    // A second line would be there by then.
    await new Promise((done) => setImmediate(done))
    return this.text.split('\n').slice(0, -1)
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

const serveBy = (listener: RequestListener): Promise<number> => listen(createServer(listener))

async function ask(port: number, path = '/', options: object = {}): Promise<IncomingMessage> {
  const outgoing = httpRequest({ host: '127.0.0.1', port, path, agent: false, ...options }).end()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  await once(response.resume(), 'end')
  return response
}

async function balancerOf(
  options: Omit<BalancerOptions, 'upstream'>,
  answer = respond({ body: 'hello' }),
) {
  const mock = await upstream({ answer })
  const balancer = createBalancer({ name: 'app', upstream: [mock.url], ...options })
  onTestFinished(() => balancer.close({ timeout: 0 }))
  return { balancer, mock }
}

const FORMAT = '$request|$status|$body_bytes_sent|$upstream_status|$proxy_host'

afterEach(() => vi.restoreAllMocks())

describe('one line a response', () => {
  it('of a balancer alone', async () => {
    const written = new Written()
    const { balancer } = await balancerOf({ accessLog: { format: FORMAT, stream: written.stream } })
    await ask(await serveBy(balancer), '/a?b')
    expect(await written.lines(1)).toEqual(['GET /a?b HTTP/1.1|200|5|200|app'])
  })

  it('of middleware and a balancer that both have the log, or each their own', async () => {
    const written = new Written()
    const log = accessLog({ format: FORMAT, stream: written.stream })
    const own = new Written()
    const { balancer } = await balancerOf({ accessLog: log })
    const { balancer: other } = await balancerOf({ accessLog: { stream: own.stream } })
    const port = await serveBy((req, res) => {
      log(req, res)
      ;(req.url === '/other' ? other : balancer)(req, res)
    })
    await ask(port)
    await ask(port, '/other')
    expect(await written.lines(2)).toHaveLength(2)
    expect(own.text).toBe('')
  })

  it.each([
    ['without a log', undefined],
    ['with one of its own', new Written()],
  ])('of a balancer that hands a response on to another %s', async (_, own) => {
    const written = new Written()
    const next = await balancerOf(own === undefined ? {} : { accessLog: { stream: own.stream } })
    const { balancer, mock } = await balancerOf({
      accessLog: { format: FORMAT, stream: written.stream },
      onError: (_error, req, res) => {
        next.balancer(req, res)
      },
    })
    await mock.close()
    await ask(await serveBy(balancer))
    expect(await written.lines(1)).toEqual(['GET / HTTP/1.1|200|5|200|app'])
    await balancer.close()
    await next.balancer.close()
    expect(written.text.split('\n')).toHaveLength(2)
    expect(own?.text ?? '').toBe('')
  })

  it('of a balancer whose `onError` takes its time: when the response is over', async () => {
    const written = new Written()
    let answer: (() => void) | undefined
    const { balancer, mock } = await balancerOf({
      accessLog: { format: FORMAT, stream: written.stream },
      onError: (_error, _req, res) => {
        answer = () => res.writeHead(418, { 'content-length': 6 }).end('teapot')
      },
    })
    await mock.close()
    const asked = ask(await serveBy(balancer))
    await vi.waitFor(() => expect(answer).toBeDefined(), { interval: 1 })
    await settle()
    expect(written.text).toBe('')
    answer?.()
    await asked
    expect(await written.lines(1)).toEqual(['GET / HTTP/1.1|418|6|502|app'])
  })

  it('two logs that were made are both written', async () => {
    const [one, two] = [new Written(), new Written()]
    const logs = [one, two].map(({ stream }) =>
      accessLog({ format: '$status $body_bytes_sent $request_length', stream }),
    )
    await ask(
      await serveBy((req, res) => {
        for (const log of logs) log(req, res)
        res.end('abc')
      }),
    )
    expect(await one.lines(1)).toEqual(await two.lines(1))
    expect(one.text).toMatch(/^200 3 \d\d/)
  })

  it('of responses that went through no balancer: express, mounted, with a 401', async () => {
    const written = new Written()
    const app = express()
    app.use('/in', accessLog({ format: FORMAT, stream: written.stream }))
    app.use('/in', (_, res) => void res.status(401).end())
    const { statusCode } = await ask(await serveBy(app), '/in/side?x=1')
    expect(statusCode).toBe(401)
    expect(await written.lines(1)).toEqual(['GET /in/side?x=1 HTTP/1.1|401|0|-|-'])
  })

  it('of fastify, with a balancer', async () => {
    const written = new Written()
    const { balancer } = await balancerOf({})
    const app = fastify()
    app.addHook('onRequest', accessLog({ format: FORMAT, stream: written.stream }).fastify)
    app.all('/*', balancer.fastify)
    onTestFinished(() => app.close())
    await app.listen({ port: 0, host: '127.0.0.1' })
    await ask((app.server.address() as AddressInfo).port)
    expect(await written.lines(1)).toEqual(['GET / HTTP/1.1|200|5|200|app'])
  })

  it('of a client that leaves: 499, with what was tried', async () => {
    const written = new Written()
    const { balancer, mock } = await balancerOf(
      { accessLog: { format: FORMAT, stream: written.stream } },
      hang(),
    )
    const outgoing = httpRequest({ port: await serveBy(balancer), host: '127.0.0.1' }).end()
    outgoing.on('error', () => undefined)
    await vi.waitFor(() => expect(mock.requests).toHaveLength(1), { interval: 1 })
    outgoing.destroy()
    expect(await written.lines(1)).toEqual(['GET / HTTP/1.1|499|0|-|app'])
  })

  it.each([
    ['its connection', true],
    ['the stream alone', false],
  ])('of an HTTP/2 client that closes %s: 499, and nothing is thrown', async (_, all) => {
    const written = new Written()
    const { balancer, mock } = await balancerOf(
      { accessLog: { format: `${FORMAT}|$bytes_sent|$remote_addr`, stream: written.stream } },
      hang(),
    )
    const session = connectHttp2(`http://127.0.0.1:${await listen(createHttp2(balancer as never))}`)
    const stream = session.request({ ':method': 'POST', ':path': '/two', 'content-length': 9 })
    stream.on('error', () => undefined)
    onTestFinished(() => session.destroy())
    stream.write('part')
    await vi.waitFor(() => expect(mock.requests).toHaveLength(1), { interval: 1 })
    if (all) session.destroy()
    else stream.close(constants.NGHTTP2_CANCEL)
    expect(await written.lines(1)).toEqual(['POST /two HTTP/2.0|499|0|-|app|0|127.0.0.1'])
  })

  it('of a client that leaves while the request goes on: when that is over', async () => {
    const written = new Written()
    let answer = (): void => undefined
    const answered = new Promise<void>((resolve) => (answer = resolve))
    const mock = await upstream({
      answer: async () => {
        await answered
        return respond({ status: 201 })
      },
    })
    const balancer = createBalancer({
      upstream: [mock.url],
      ignoreClientAbort: true,
      accessLog: { format: '$status $upstream_status', stream: written.stream },
    })
    onTestFinished(() => balancer.close())
    const left = new Promise<void>((resolve) => {
      void serveBy((req, res) => {
        res.on('close', resolve)
        balancer(req, res)
      }).then((port) => {
        const outgoing = httpRequest({ port, host: '127.0.0.1' }).end()
        outgoing.on('error', () => undefined)
        void vi
          .waitFor(() => expect(mock.requests).toHaveLength(1), { interval: 1 })
          .then(() => outgoing.destroy())
      })
    })
    await left
    expect(written.text).toBe('')
    answer()
    expect(await written.lines(1)).toEqual(['201 201'])
  })

  it('of a client that had left before', async () => {
    const written = new Written()
    const log = accessLog({ format: '$status', stream: written.stream })
    const port = await serveBy((req, res) => {
      res.on('close', () => log(req, res))
      req.socket.destroy()
    })
    await ask(port).catch(() => undefined)
    expect(await written.lines(1)).toEqual(['499'])
  })
})

describe('what it knows', () => {
  it('HTTP/2 and TLS', async () => {
    const written = new Written()
    const format =
      '$request|$status|$body_bytes_sent|$http_host|$sent_http_x_up|$ssl_protocol|$ssl_server_name|$https|$ssl_client_verify|$connection_requests'
    const { balancer } = await balancerOf(
      { accessLog: { format, stream: written.stream } },
      respond({ body: 'hello', headers: { 'X-Up': '1' } }),
    )
    const server = createSecureServer({ ...forLocalhost }, balancer as never)
    const session = connectHttp2(`https://localhost:${await listen(server)}`, {
      ca: forLocalhost.cert,
      rejectUnauthorized: false,
    })
    onTestFinished(() => session.destroy())
    const stream = session.request({ ':path': '/two' })
    await once(stream.resume(), 'end')
    expect(await written.lines(1)).toEqual([
      expect.stringMatching(
        /^GET \/two HTTP\/2\.0\|200\|5\|localhost:\d+\|1\|TLSv1\.3\|localhost\|on\|NONE\|1$/,
      ),
    ])
  })

  it('bytes over TLS are those of HTTP', async () => {
    const written = new Written()
    const log = accessLog({
      format: '$bytes_sent $body_bytes_sent $ssl_cipher $scheme',
      stream: written.stream,
    })
    const server = createHttpsServer({ ...forLocalhost }, (req, res) => {
      log(req, res)
      res.end('12345')
    })
    const [response] = (await once(
      getHttps({
        port: await listen(server),
        host: 'localhost',
        agent: false,
        rejectUnauthorized: false,
      }),
      'response',
    )) as [IncomingMessage]
    await once(response.resume(), 'end')
    expect(await written.lines(1)).toEqual([expect.stringMatching(/^\d+ 5 TLS_\w+ https$/)])
  })

  it('sent and upstream trailers, cookies, fields', async () => {
    const written = new Written()
    const format =
      '$upstream_trailer_x_sum|$sent_trailer_x_sum|$upstream_cookie_id|$sent_http_set_cookie|$upstream_http_x_two'
    const { balancer } = await balancerOf(
      { accessLog: { format, stream: written.stream } },
      respond({
        body: 'x',
        chunked: true,
        trailers: { 'X-Sum': '42' },
        headers: { Trailer: 'X-Sum', 'Set-Cookie': ['a=1; Path=/', 'id=7'], 'X-Two': ['1', '2'] },
      }),
    )
    await ask(await serveBy(balancer))
    expect(await written.lines(1)).toEqual(['42|42|7|a=1; Path=/, id=7|1, 2'])
  })

  it('bytes of pipelined responses, each its own, also when they are written together', async () => {
    const written = new Written()
    const log = accessLog({ format: '$request_uri $body_bytes_sent $pipe', stream: written.stream })
    const waiting: ServerResponse[] = []
    const port = await serveBy((req, res) => {
      log(req, res)
      waiting.push(res)
      if (waiting.length === 3)
        for (const [i, each] of waiting.entries()) each.end('x'.repeat(i + 1))
    })
    const socket = connect(port, '127.0.0.1')
    socket.write('abc'.replace(/./g, 'GET /$& HTTP/1.1\r\nHost: x\r\n\r\n'))
    expect(await written.lines(3)).toEqual(['/a 1 .', '/b 2 p', '/c 3 p'])
    socket.destroy()
  })

  it('keep-alive: each line has what belongs to its request, also when the next one is there already', async () => {
    const written = new Written()
    const { balancer } = await balancerOf({
      accessLog: {
        format: '$request_method $request_uri $request_length $body_bytes_sent $http_user_agent',
        stream: written.stream,
      },
    })
    const socket = connect(await serveBy(balancer), '127.0.0.1')
    const post = (path: string, chunks: string, agent: string): string =>
      `POST ${path} HTTP/1.1\r\nHost: x\r\nUser-Agent: ${agent}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`
    const requests = [
      post('/a', '', 'one'),
      post('/b', '5\r\n12345\r\n', 'one'),
      post('/c', '', 'two"'),
      'GET /d HTTP/1.1\r\nHost: x\r\n\r\n',
    ]
    for (const [i, request] of requests.entries()) {
      socket.write(request)
      await written.lines(i + 1)
    }
    expect(written.text.split('\n').slice(0, -1)).toEqual([
      `POST /a ${requests[0]!.length} 5 one`,
      `POST /b ${requests[1]!.length} 5 one`,
      `POST /c ${requests[2]!.length} 5 two\\x22`,
      `GET /d ${requests[3]!.length} 5 -`,
    ])
    socket.destroy()
  })

  it('`$request_time` is that of the response, not of its line', async () => {
    const written = new Written()
    const clock = fakeClock()
    const log = accessLog({
      format: '$request_time $msec',
      stream: written.stream,
      clock,
      wallTime: () => 5000,
    })
    await ask(
      await serveBy((req, res) => {
        log(req, res)
        clock.advance(1234)
        res.on('close', () => {
          clock.advance(100)
        })
        res.end('ok')
      }),
    )
    expect(await written.lines(1)).toEqual([expect.stringMatching(/^1\.234 /)])
  })

  it('a line that cannot be made costs that line, and nothing else', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const written = new Written()
    const log = accessLog({ format: '$request_uri $http_x_odd', stream: written.stream })
    const port = await serveBy((req, res) => {
      log(req, res)
      if (req.url === '/odd') req.headers['x-odd'] = { odd: true } as never
      res.end('ok')
    })
    await ask(port, '/odd')
    await ask(port, '/even')
    await ask(port, '/odd')
    await ask(port, '/last')
    expect(await written.lines(2)).toEqual(['/even -', '/last -'])
    expect(warn.mock.calls.map(([text]) => String(text))).toEqual([
      expect.stringContaining('no line in the access log'),
    ])
  })

  it('`if` is asked when the response is over', async () => {
    const written = new Written()
    const log = accessLog({
      format: '$request_uri',
      stream: written.stream,
      if: (_: IncomingMessage, res: ServerResponse) => res.statusCode >= 400,
    })
    const port = await serveBy((req, res) => {
      log(req, res)
      res.statusCode = req.url === '/bad' ? 500 : 200
      res.end()
    })
    await ask(port, '/good')
    await ask(port, '/bad')
    expect(await written.lines(1)).toEqual(['/bad'])
  })

  it('the tab-separated format, as it stands in an nginx.conf and as JavaScript writes it', async () => {
    const fields =
      '$time_iso8601 $status $request_time $upstream_status $upstream_addr $upstream_response_time $remote_addr $request'
    for (const tab of ['\t', '\\t']) {
      const written = new Written()
      const { balancer, mock } = await balancerOf({
        accessLog: { format: fields.replaceAll(' ', tab), stream: written.stream },
      })
      await ask(await serveBy(balancer))
      const [line = ''] = await written.lines(1)
      const values = line.split('\t')
      expect(values).toHaveLength(8)
      expect([values[1], values[3], values[4], values[7]]).toEqual([
        '200',
        '200',
        mock.address,
        'GET / HTTP/1.1',
      ])
    }
  })
})

describe('others', () => {
  it('pino is given an object with numbers', async () => {
    const written = new Written()
    const log = accessLog({
      format: '$request $status $request_time $upstream_addr $http_user_agent $body_bytes_sent',
      logger: pino({}, written.stream),
    } satisfies AccessLogOptions)
    await ask(
      await serveBy((req, res) => {
        log(req, res)
        res.end('ok')
      }),
      '/x',
      { headers: { 'user-agent': 'caf\xc3\xa9' } },
    )
    const [line = ''] = await written.lines(1)
    const entry = JSON.parse(line) as Record<string, unknown>
    expect(entry).toMatchObject({
      request: 'GET /x HTTP/1.1',
      status: 200,
      http_user_agent: 'café',
      body_bytes_sent: 2,
    })
    expect(typeof entry['request_time']).toBe('number')
    expect(entry).not.toHaveProperty('upstream_addr')
  })

  it('a logger that throws costs lines, and is told of once', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const info = vi.fn(() => {
      throw new Error('no')
    })
    const log = accessLog({ format: '$status', logger: { info } })
    const port = await serveBy((req, res) => {
      log(req, res)
      res.end()
    })
    for (const path of ['/1', '/2', '/3']) await ask(port, path)
    await vi.waitFor(() => expect(info).toHaveBeenCalledTimes(3), { interval: 1 })
    expect(warn.mock.calls).toEqual([
      ['no line in the access log: Error: no', 'EvenkeelLogWarning'],
    ])
  })

  it('morgan has tokens', async () => {
    const written = new Written()
    morganTokens(morgan)
    const { balancer, mock } = await balancerOf({})
    const log = morgan(':status :upstream-addr :upstream-status :upstream-response-time', {
      stream: written.stream,
    })
    const port = await serveBy((req, res) =>
      log(req, res, () => (req.url === '/no' ? res.end() : balancer(req, res))),
    )
    await ask(port)
    await ask(port, '/no')
    const [line, none] = await written.lines(2)
    expect(line).toMatch(new RegExp(`^200 ${mock.address} 200 \\d\\.\\d{3}$`))
    expect(none).toBe('200 - - -')
  })

  it('closing a balancer writes what its own log still holds', async () => {
    const written = new Written()
    const { balancer } = await balancerOf({
      accessLog: { format: '$status', stream: written.stream },
    })
    const port = await serveBy(balancer)
    await ask(port)
    await written.lines(1)
    await balancer.close()
    expect(written.text).toBe('200\n')
  })
})

it('a stream that takes nothing any more does not keep a balancer open for longer than it is given', async () => {
  const stuck = new Writable({
    highWaterMark: 1,
    write() {
      // It never calls back.
    },
  })
  const clock = fakeClock()
  const peer = await upstream()
  const balancer = createBalancer({
    upstream: [peer.url],
    clock,
    accessLog: { stream: stuck },
  })
  await ask(await listen(createServer(balancer)))
  const closed = balancer.close({ timeout: 1000 })
  await vi.waitFor(() => {
    expect(clock.pending).toBeGreaterThan(0)
  })
  await clock.advanceAsync(1000)
  await closed
})

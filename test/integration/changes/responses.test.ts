/** What options change in responses, as the client sees it. */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { PassThrough, Transform } from 'node:stream'
import { createGunzip, createGzip, gunzipSync } from 'node:zlib'
import type { OnUpstreamResponse } from 'evenkeel'
import { dieInBody, respond } from 'evenkeel/testing'
import type { RespondOptions } from 'evenkeel/testing'
import { describe, expect, it, test } from 'vitest'
import { ask, ask2, http2Session, keepAliveAgent, rawAsk } from '../../helpers/clients.js'
import type { Ask, Reply } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import type { BalancerSettings, Served } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

/** What becomes of one response. */
async function changed(
  options: BalancerSettings,
  response: RespondOptions,
  request: Ask = {},
): Promise<Reply> {
  const mock = await upstream({ answer: respond(response) })
  const { port } = await serve([mock], options)
  return ask(port, request)
}

/** The whole of it, as bytes; the connection is closed behind it. */
async function raw(
  options: BalancerSettings,
  response: RespondOptions,
  request = 'GET / HTTP/1.1',
): Promise<string> {
  const mock = await upstream({ answer: respond(response) })
  const { port } = await serve([mock], options)
  const { bytes } = await rawAsk(port, `${request}\r\nHost: site\r\nConnection: close\r\n\r\n`)
  return bytes
}

function hook(onUpstreamResponse: OnUpstreamResponse): BalancerSettings {
  return { onUpstreamResponse }
}

/** Nothing is left over, and no peer was blamed. */
function expectClean({ balancer }: Served): void {
  for (const peer of balancer.upstream.peers) {
    expect(peer).toMatchObject({ connections: 0, fails: 0 })
  }
}

function upperCase(): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, chunk.toString('latin1').toUpperCase())
    },
  })
}

describe('redirect', () => {
  it("a peer's own address becomes a path", async () => {
    const [a, b] = [await upstream(), await upstream()]
    a.reply(
      respond({ status: 302, headers: { Location: `${b.url}/x?y`, Refresh: `0; url=${a.url}` } }),
    )
    const { port } = await serve([a, b])
    const { headers } = await ask(port)
    expect(headers).toMatchObject({ location: '/x?y', refresh: '0; url=/' })
  })

  it('so does the host that peers see', async () => {
    const location = 'http://inner.example:8080/x'
    const reply = await changed(
      { host: 'inner.example:8080' },
      { status: 301, headers: { Location: location } },
    )
    expect(reply.headers.location).toBe('/x')
  })

  test.each(['https://elsewhere.example/x', '/x', 'x', 'http://site/x', 'junk://[', ''])(
    '%j is left alone',
    async (location) => {
      const response = { status: 302, headers: { Location: location } }
      const reply = await changed({}, response, { headers: { Host: 'site' } })
      expect(reply.headers.location).toBe(location)
    },
  )

  it('can be turned off', async () => {
    const mock = await upstream()
    mock.reply(respond({ status: 302, headers: { Location: `${mock.url}/x` } }))
    const { port } = await serve([mock], { redirect: false })
    expect((await ask(port)).headers.location).toBe(`${mock.url}/x`)
  })

  it('by rules, and by a function, which may fail', async () => {
    const response = { status: 302, headers: { Location: 'http://app/x' } }
    const rules = { redirect: { from: /^http:\/\/app\/(.*)$/, to: 'https://site/$1' } }
    expect((await changed(rules, response)).headers.location).toBe('https://site/x')
    const by = { redirect: (url: string) => url.replace('app', 'site') }
    expect((await changed(by, response)).headers.location).toBe('http://site/x')
    expect(await changed({ redirect: () => 'a\r\nb' }, response)).toMatchObject({ status: 500 })
  })

  it('over HTTP/2', async () => {
    const mock = await upstream()
    mock.reply(respond({ status: 302, headers: { Location: `${mock.url}//evil.example/x` } }))
    const { port } = await serve([mock], {}, { kind: 'http2' })
    expect((await ask2(http2Session(port))).headers.location).toBe('/.//evil.example/x')
  })
})

describe('cookies and Via', () => {
  it('each line of Set-Cookie by itself, byte for byte', async () => {
    const bytes = await raw(
      { cookieDomain: { from: 'app', to: 'site' }, cookiePath: { from: '/', to: '/api/' } },
      {
        headers: {
          'Set-Cookie': [
            'a="b;c"; Domain=app;  PATH=/x ; Secure',
            'd=e;path="/"',
            'f=g; Max-Age=1',
          ],
        },
      },
    )
    expect(bytes).toContain('Set-Cookie: a="b;c"; Domain=site;  PATH=/api/x ; Secure\r\n')
    expect(bytes).toContain('Set-Cookie: d=e;path="/"\r\nSet-Cookie: f=g; Max-Age=1\r\n')
  })

  it('Via both ways', async () => {
    const mock = await upstream({ answer: respond({ headers: { Via: '1.0 app' } }) })
    const { port } = await serve([mock], { via: 'edge' })
    const reply = await ask(port, { headers: { Via: '2 cdn' } })
    expect(reply.headers.via).toBe('1.0 app, 1.1 edge')
    expect(mock.requests[0]!.headers['via']).toBe('2 cdn, 1.1 edge')
  })
})

describe('responseHeaders', () => {
  it('are removed, set and appended', async () => {
    const reply = await changed(
      {
        responseHeaders: {
          remove: ['x-powered-by'],
          set: { 'X-Peer': ({ peer }) => peer.hostname, 'Cache-Control': 'no-store' },
          append: { 'Set-Cookie': ['a=b', 'c=d'] },
        },
      },
      {
        headers: { 'X-Powered-By': 'x', 'Cache-Control': 'public', 'Set-Cookie': 'e=f' },
        body: 'hi',
      },
    )
    expect(reply.headers).toMatchObject({
      'x-peer': '127.0.0.1',
      'cache-control': 'no-store',
      'set-cookie': ['e=f', 'a=b', 'c=d'],
      'content-length': '2',
    })
    expect(reply.headers).not.toHaveProperty('x-powered-by')
  })

  it('without its length a response goes on in chunks', async () => {
    const reply = await changed({ responseHeaders: { remove: ['Content-Length'] } }, { body: 'hi' })
    expect(reply).toMatchObject({ whole: true, body: 'hi' })
    expect(reply.headers).toMatchObject({ 'transfer-encoding': 'chunked' })
  })
})

describe('onUpstreamResponse', () => {
  it('changes status, reason and fields', async () => {
    const bytes = await raw(
      hook((head, { status, peer }) => {
        head.status = 418
        head.statusMessage = `was ${status} at ${peer.hostname}`
        head.headers.set('Content-Type', 'text/x')
      }),
      { headers: { 'Content-Type': 'text/plain' }, body: 'hi' },
    )
    expect(bytes).toMatch(/^HTTP\/1\.1 418 was 200 at 127\.0\.0\.1\r\nContent-Type: text\/x\r\n/)
    expect(bytes).toMatch(/\r\n\r\nhi$/)
  })

  it('is called for the response that goes to the client, and for no other', async () => {
    const [a, b] = [await upstream({ answer: respond({ status: 503 }) }), await upstream()]
    const seen: number[] = []
    const { port } = await serve(
      [a, b],
      hook((head) => void seen.push(head.status)),
    )
    expect(await ask(port)).toMatchObject({ status: 200 })
    expect(seen).toEqual([200])
  })

  it('is called for one that was kept while another peer was asked', async () => {
    const [a, b] = [await upstream({ answer: respond({ status: 503 }) }), await upstream()]
    await b.crash()
    const { port } = await serve(
      [a, b],
      hook((head) => void (head.status = 504)),
    )
    expect(await ask(port)).toMatchObject({ whole: true, status: 504 })
  })

  it('nothing that it sets can change where the response ends', async () => {
    const served = await serve(
      [await upstream({ answer: respond({ body: 'hello' }) })],
      hook(({ headers }) => {
        headers.set('Transfer-Encoding', 'chunked')
        headers.append('Content-Length', '0')
        headers.set('Connection', 'close')
        headers.set('Keep-Alive', 'x')
        headers.set('Trailer', 'x')
      }),
    )
    const agent = keepAliveAgent()
    for (let i = 0; i < 2; i++) {
      const reply = await ask(served.port, { agent })
      expect(reply).toMatchObject({ whole: true, body: 'hello' })
      expect(reply.headers).toMatchObject({ 'content-length': '5', connection: 'keep-alive' })
      expect(reply.headers).not.toHaveProperty('trailer')
    }
  })

  test.each<[string, OnUpstreamResponse, string]>([
    [
      'throws',
      () => {
        throw new Error('mine')
      },
      'mine',
    ],
    ['rejects', () => Promise.reject(new Error('mine')), 'mine'],
    [
      'leaves a bad status',
      (head) => void (head.status = 99),
      'head.status must be from 200 to 599',
    ],
    ['leaves a bad field', (head) => head.headers.set('X', 'a\nb'), 'the field X must be a text'],
    ['leaves a bad body', (head) => void (head.body = 5 as never), 'head.body must be'],
  ])('that %s is a 500 with its error as the cause', async (_what, onUpstreamResponse, message) => {
    for (const wholeResponse of [0, '64k']) {
      const mock = await upstream({ answer: respond({ body: 'x'.repeat(1000) }) })
      const served = await serve([mock], { onUpstreamResponse, wholeResponse })
      const reply = await ask(served.port)
      expect(reply).toMatchObject({ whole: true, status: 500 })
      expect(reply.body).not.toContain('mine')
      await served.over(1)
      expect(served.errors.map(({ code }) => code)).toEqual(['ERR_INTERNAL'])
      expect((served.errors[0]!.cause as Error).message).toContain(message)
      expect(mock.requests).toHaveLength(1)
      expectClean(served)
    }
  })

  it('a client that leaves while it is thinking leaves nothing behind', async () => {
    const mock = await upstream({ answer: respond({ body: 'x'.repeat(100_000) }) })
    const body = new PassThrough()
    const served = await serve(
      [mock],
      hook(async (head, { response }) => {
        head.body = body
        client.destroy()
        await once(response, 'close')
      }),
    )
    const client = connect(served.port, '127.0.0.1')
    client.write('GET / HTTP/1.1\r\nHost: site\r\n\r\n')
    await served.over(1)
    expect(served.errors.map(({ code }) => code)).toEqual(['ERR_CLIENT_CLOSED'])
    expectClean(served)
    expect(body.destroyed).toBe(true)
  })
})

describe('a body in place of the peer’s', () => {
  const sources: [string, RespondOptions][] = [
    ['short', { body: 'its own' }],
    ['long', { body: 'x'.repeat(200_000) }],
    [
      'in chunks',
      {
        body: ['a', 'b'],
        chunked: true,
        trailers: { 'X-Sum': '1' },
        headers: { Trailer: 'X-Sum' },
      },
    ],
    ['empty', {}],
  ]

  describe.each(sources)('%s', (_what, response) => {
    test.each<[string, string | Uint8Array | null, string]>([
      ['text', 'äö', 'äö'],
      ['bytes', new Uint8Array([104, 105]), 'hi'],
      ['nothing', null, ''],
    ])('%s', async (_what, body, text) => {
      const bytes = await raw(
        hook((head) => void (head.body = body)),
        response,
      )
      const length = Buffer.byteLength(text)
      expect(bytes).toMatch(new RegExp(`\r\nContent-Length: ${length}\r\n`, 'i'))
      expect(bytes).not.toMatch(/^(transfer-encoding|trailer|x-sum):/im)
      expect(bytes.endsWith(`\r\n\r\n${Buffer.from(text).toString('latin1')}`)).toBe(true)
    })

    it('a stream', async () => {
      const bytes = await raw(
        hook((head) => void (head.body = upperCase())),
        response,
      )
      expect(bytes).toMatch(/\r\nTransfer-Encoding: chunked\r\n/i)
      expect(bytes).not.toMatch(/^content-length:/im)
      expect(bytes).toMatch(/\r\n0\r\n(X-Sum: 1\r\n)?\r\n$/i)
    })
  })

  it('the connection to the client goes on', async () => {
    const mock = await upstream({ answer: respond({ body: 'its own' }) })
    const bodies: (() => UpstreamBody)[] = [() => 'one', () => null, upperCase, () => undefined]
    let call = 0
    const served = await serve(
      [mock],
      hook((head) => void (head.body = bodies[call++]!())),
    )
    const agent = keepAliveAgent()
    for (const body of ['one', '', 'ITS OWN', 'its own']) {
      const reply = await ask(served.port, { agent })
      expect(reply).toMatchObject({ whole: true, body })
    }
    expectClean(served)
  })

  type UpstreamBody = string | null | Duplex | undefined

  it('HEAD has none, whatever it is', async () => {
    const mock = await upstream({ answer: respond({ body: 'hello' }) })
    const bodies: (() => UpstreamBody)[] = [() => 'a body', () => null, upperCase, () => undefined]
    let call = 0
    const { port } = await serve(
      [mock],
      hook((head) => void (head.body = bodies[call++]!())),
    )
    const agent = keepAliveAgent()
    const lengths: (string | undefined)[] = []
    for (const _body of bodies) {
      const reply = await ask(port, { agent, method: 'HEAD' })
      expect(reply).toMatchObject({ whole: true, status: 200, body: '' })
      lengths.push(reply.headers['content-length'])
    }
    expect(lengths).toEqual(['6', '0', undefined, '5'])
  })

  it('a status that has none, and one that has', async () => {
    const mock = await upstream()
    const { port } = await serve(
      [mock],
      hook((head, { request }) => void (head.status = Number(request.url!.slice(1)))),
    )
    const agent = keepAliveAgent()
    for (const [had, has] of [
      [200, 204],
      [200, 304],
      [304, 200],
      [204, 404],
      [500, 200],
    ] as const) {
      const headers = had === 304 ? { 'Content-Length': '7' } : {}
      mock.reply(respond({ status: had, headers, body: 'a body!' }))
      const reply = await ask(port, { agent, path: `/${has}` })
      expect(reply).toMatchObject({ whole: true, status: has, body: had === 500 ? 'a body!' : '' })
    }
  })

  it('a stream may code it', async () => {
    const reply = await changed(
      hook((head) => {
        head.headers.set('Content-Encoding', 'gzip')
        head.body = createGzip()
      }),
      { body: 'hello '.repeat(50_000) },
    )
    expect(reply.whole).toBe(true)
    expect(gunzipSync(Buffer.from(reply.body, 'latin1')).toString()).toBe('hello '.repeat(50_000))
  })

  it('over HTTP/2 and to HTTP/1.0', async () => {
    const mock = await upstream({ answer: respond({ body: 'hello' }) })
    const options = hook((head) => void (head.body = upperCase()))
    const { port } = await serve([mock], options, { kind: 'http2' })
    expect(await ask2(http2Session(port))).toMatchObject({ whole: true, body: 'HELLO' })
    expect(await raw(options, { body: 'hello' }, 'GET / HTTP/1.0')).toMatch(/\r\n\r\nHELLO$/)
  })

  test.each(['fin', 'reset'] as const)(
    'a peer that dies in the middle (%s) ends nothing cleanly',
    async (how) => {
      for (const announce of [100_000, 'chunked'] as const) {
        const body = new PassThrough()
        const mock = await upstream({ answer: dieInBody({ announce, send: 'half', how }) })
        const served = await serve(
          [mock],
          hook((head) => void (head.body = body)),
        )
        const reply = await ask(served.port)
        expect(reply).toMatchObject({ whole: false })
        await served.over(1)
        expect(served.errors.map(({ code }) => code)).toEqual(['ERR_UPSTREAM_TRUNCATED'])
        expect(body.destroyed).toBe(true)
      }
    },
  )

  it('a stream that breaks ends nothing cleanly', async () => {
    const mock = await upstream({ answer: respond({ body: 'this is not gzip' }) })
    const served = await serve(
      [mock],
      hook((head) => void (head.body = createGunzip())),
    )
    expect(await ask(served.port)).toMatchObject({ whole: false })
    await served.over(1)
    expect(served.errors.map(({ cause }) => (cause as Error).message)).toEqual([
      'incorrect header check',
    ])
    expectClean(served)
  })

  it('a client that leaves takes the stream with it', async () => {
    const body = new PassThrough()
    const mock = await upstream({
      answer: respond({ body: ['a', 'b'], gap: 60_000, chunked: true }),
    })
    const served = await serve(
      [mock],
      hook((head) => void (head.body = body)),
    )
    const client = connect(served.port, '127.0.0.1')
    client.write('GET / HTTP/1.1\r\nHost: site\r\n\r\n')
    await once(client, 'data')
    client.destroy()
    await served.over(1)
    expect(body.destroyed).toBe(true)
    await mock.waitFor(() => mock.openConnections === 0)
    expectClean(served)
  })
})

describe('interceptErrors', () => {
  it('answers in place of the peer, or lets it through', async () => {
    const mock = await upstream({ answer: respond({ status: 404, body: 'not here' }) })
    const served = await serve([mock], {
      interceptErrors: (head, { request, response, peer, status }) => {
        if (request.url !== '/page') return false
        response.writeHead(200, { 'X-Was': `${status} ${head.status} ${peer.hostname}` })
        response.end('a page of our own')
        return true
      },
    })
    const agent = keepAliveAgent()
    const page = await ask(served.port, { agent, path: '/page' })
    expect(page).toMatchObject({ whole: true, status: 200, body: 'a page of our own' })
    expect(page.headers['x-was']).toBe('404 404 127.0.0.1')
    const other = await ask(served.port, { agent, path: '/other' })
    expect(other).toMatchObject({ whole: true, status: 404, body: 'not here' })
    expectClean(served)
  })

  it('is asked for errors only, and only for what would go to the client', async () => {
    const seen: number[] = []
    const [a, b] = [await upstream(), await upstream()]
    const { port } = await serve([a, b], {
      interceptErrors: ({ status }) => {
        seen.push(status)
        return undefined
      },
    })
    a.script([{ status: 503 }, { status: 302 }, { status: 399 }].map(respond))
    b.script([{ status: 200 }, { status: 400 }, { status: 599 }].map(respond))
    for (let i = 0; i < 5; i++) await ask(port)
    expect(seen.sort()).toEqual([400, 599])
  })

  it('may take its time, and may fail', async () => {
    const mock = await upstream({ answer: respond({ status: 500, body: 'x'.repeat(100_000) }) })
    const served = await serve([mock], {
      interceptErrors: async (_head, { request, response }) => {
        await Promise.resolve()
        if (request.url === '/fail') throw new Error('mine')
        response.end('late')
        return true
      },
    })
    expect(await ask(served.port)).toMatchObject({ whole: true, status: 200, body: 'late' })
    expect(await ask(served.port, { path: '/fail' })).toMatchObject({ whole: true, status: 500 })
    await served.over(2)
    expect(served.errors.map(({ cause }) => (cause as Error).message)).toEqual(['mine'])
    expectClean(served)
  })
})

/** The views: `toProxy` and a base object that keeps its path, or the target is re-written on its way. */
import { describe, expect, it } from 'vitest'
import { ask2, http2Session, rawAsk } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

const TARGETS = [
  '/',
  '/a?',
  '/a??b',
  '/a?b?c',
  '/?',
  '/?a&&b=&=c',
  '//x//y',
  '//evil.example/x',
  '///',
  '/a//b///c/',
  '/%zz',
  '/%',
  '/%2e%2e/%2F',
  '/a/../b/./c',
  '/..',
  '/a;b=c,d',
  '/a\\b',
  '/{a}|"<b>`^',
  "/a'b(c)*!$",
  '/a:80',
  '/http://x/y',
  `/${'long/'.repeat(1000)}`,
]

describe('the request target is passed byte for byte', () => {
  it.each(TARGETS)('%s', async (target) => {
    const mock = await upstream()
    const { port } = await serve([mock])
    const { bytes } = await rawAsk(
      port,
      `GET ${target} HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n`,
    )
    expect(bytes).toMatch(/^HTTP\/1\.1 200 /)
    expect(mock.requests.map((request) => request.target)).toEqual([target])
  })

  it('*, for OPTIONS', async () => {
    const mock = await upstream()
    const { port } = await serve([mock])
    await rawAsk(port, 'OPTIONS * HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n')
    expect(mock.requests.map(({ method, target }) => [method, target])).toEqual([['OPTIONS', '*']])
  })

  it.each([
    ['http://site/a?b?c', '/a?b?c'],
    ['http://site', '/'],
    ['http://site?a', '/?a'],
    ['http://site:80//x?', '//x?'],
    ['HTTP://SITE/%zz', '/%zz'],
  ])(
    'but for the absolute form, which is for proxies (RFC 9112 section 3.2.2): %s',
    async (asked, seen) => {
      const mock = await upstream()
      const { port } = await serve([mock])
      await rawAsk(port, `GET ${asked} HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n`)
      expect(mock.requests.map((request) => request.target)).toEqual([seen])
    },
  )

  it.each(['/a#b', 'http://user@site/', '*', 'foo'])(
    'what is none is refused: GET %s',
    async (target) => {
      const mock = await upstream()
      const { port } = await serve([mock])
      const { bytes } = await rawAsk(
        port,
        `GET ${target} HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n`,
      )
      expect(bytes).toMatch(/^HTTP\/1\.1 400 /)
      expect(mock.requests).toEqual([])
    },
  )

  it.each(['/a?', '//x//y', '/%zz', '/a?b?c', '/a\\b'])('from HTTP/2: %s', async (target) => {
    const mock = await upstream()
    const { port } = await serve([mock], {}, { kind: 'http2' })
    const reply = await ask2(http2Session(port), { ':path': target })
    expect(reply).toMatchObject({ whole: true, status: 200 })
    expect(mock.requests.map((request) => request.target)).toEqual([target])
  })

  it.each(['/a b', '/a\r\nX-Injected: 1', '/a HTTP/1.1\r\n\r\nGET /hidden', '/\x00', '/\x7f'])(
    'what is no target does not become one, from HTTP/2: %j',
    async (target) => {
      const mock = await upstream()
      const { port } = await serve([mock], {}, { kind: 'http2' })
      const session = http2Session(port)
      const reply = await ask2(session, { ':path': target })
      if (mock.requests.length > 0) {
        expect(mock.requests.map((request) => request.target)).toEqual([target])
      } else {
        expect(reply.whole && reply.status < 400).toBe(false)
      }
      for (const request of mock.requests) expect(request.headers).not.toHaveProperty('x-injected')
      expect(mock.malformed).toEqual([])
      expect(await ask2(http2Session(port))).toMatchObject({ whole: true, status: 200 })
    },
  )
})

import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { describe, expect, it, test, vi } from 'vitest'
import { parsePeerAddress } from '../../../src/config/peer-address.js'
import { ChangeError } from '../../../src/message/change-error.js'
import { HeaderList } from '../../../src/message/header-list.js'
import { compileInterceptErrors } from '../../../src/message/intercept-errors.js'
import { compileResponseChanges } from '../../../src/message/response-changes.js'
import type { ResponseChangeOptions } from '../../../src/message/response-changes.js'
import type {
  OnUpstreamResponse,
  ResponseContext,
  UpstreamResponseHead,
} from '../../../src/message-options.js'
import type { Peer, PeerAddress } from '../../../src/upstream/peer.js'

const NOTHING: ResponseChangeOptions = {
  via: undefined,
  responseHeaders: undefined,
  rewrite: undefined,
  mountPath: 'strip',
  redirect: 'off',
  cookieDomain: [],
  cookiePath: [],
  onUpstreamResponse: undefined,
}
const PEER = parsePeerAddress('http://app:8080') as PeerAddress as Peer
const SENT = { method: 'GET', target: '/', headers: ['Host', 'site'], upgrade: undefined }

function ownerOf(request: object = {}): { req: IncomingMessage; res: ServerResponse } {
  const req = {
    method: 'GET',
    url: '/',
    headers: { host: 'site' },
    ...request,
  } as unknown as IncomingMessage
  return { req, res: {} as unknown as ServerResponse }
}

/** What comes of these fields. */
function changed(options: Partial<ResponseChangeOptions>, ...fields: string[]): string[] {
  const changes = compileResponseChanges({ ...NOTHING, ...options }, { peers: [PEER] })
  changes?.fields(fields, ownerOf(), SENT, PEER, 302)
  return fields
}

describe('nothing to change', () => {
  it('there is nothing to call', () => {
    expect(compileResponseChanges(NOTHING, { peers: [PEER] })).toBeUndefined()
    const empty = { redirect: [], responseHeaders: { set: {} } }
    expect(compileResponseChanges({ ...NOTHING, ...empty }, { peers: [] })).toBeUndefined()
  })

  it('by default nothing is to be done for the whole head', () => {
    const changes = compileResponseChanges({ ...NOTHING, redirect: 'default' }, { peers: [PEER] })
    expect(changes?.head).toBeUndefined()
  })
})

describe('fields', () => {
  it('Location and Refresh, each line of them, in any case', () => {
    const fields = ['LOCATION', 'http://app:8080/a', 'X', 'http://app:8080/', 'refresh']
    expect(
      changed({ redirect: 'default' }, ...fields, '5;url=http://app:8080/b', 'location', '/x'),
    ).toEqual(['LOCATION', '/a', 'X', 'http://app:8080/', 'refresh', '5;url=/b', 'location', '/x'])
  })

  it('not what only looks like them, and not Content-Location', () => {
    const url = 'http://app:8080/a'
    const fields = ['Locatiom', url, 'Refresx', url, 'Content-Location', url, 'Link', `<${url}>`]
    expect(changed({ redirect: 'default' }, ...fields)).toEqual(fields)
  })

  it('asks a function for each, with the context', () => {
    const redirect = vi.fn((_url: string, _context: ResponseContext) => '/there')
    expect(changed({ redirect }, 'Location', 'a', 'Refresh', '0; url="b"')).toEqual([
      'Location',
      '/there',
      'Refresh',
      '0; url="/there"',
    ])
    expect(redirect.mock.calls.map(([url, { status, peer }]) => [url, status, peer])).toEqual([
      ['a', 302, PEER],
      ['b', 302, PEER],
    ])
  })

  it('Set-Cookie, each line of it', () => {
    const options = {
      cookieDomain: [{ from: 'app', to: 'site' }],
      cookiePath: [{ from: '/', to: '/api/' }],
    }
    expect(
      changed(options, 'Set-Cookie', 'a=b; Domain=app', 'set-cookie', 'c=d; Path=/', 'Cookie', 'x'),
    ).toEqual(['Set-Cookie', 'a=b; Domain=site', 'set-cookie', 'c=d; Path=/api/', 'Cookie', 'x'])
    expect(changed(options, 'Set-Cookie2', 'a=b; Domain=app')).toEqual([
      'Set-Cookie2',
      'a=b; Domain=app',
    ])
  })

  it('Via, a member more', () => {
    expect(changed({ via: 'edge' }, 'A', 'b')).toEqual(['A', 'b', 'Via', '1.1 edge'])
    expect(changed({ via: 'edge' }, 'via', '1.0 x', 'A', 'b')).toEqual([
      'via',
      '1.0 x, 1.1 edge',
      'A',
      'b',
    ])
  })
})

// ---- the whole head

function contextOf(method = 'GET', status = 200): ResponseContext {
  const { req, res } = ownerOf({ method })
  return { request: req, response: res, peer: PEER, status }
}

const FIELDS: readonly string[] = ['Content-Type', 'text/plain', 'Content-Length', '5']

function headOf(status = 200, raw = FIELDS): UpstreamResponseHead {
  return { status, statusMessage: 'Said', headers: new HeaderList([...raw]), body: undefined }
}

function apply(
  options: Partial<ResponseChangeOptions>,
  head = headOf(),
  method = 'GET',
): UpstreamResponseHead {
  const changes = compileResponseChanges({ ...NOTHING, ...options }, { peers: [PEER] })
  expect(changes?.head?.(head, contextOf(method, head.status))).toBeUndefined()
  return head
}

function hook(
  onUpstreamResponse: OnUpstreamResponse,
  head = headOf(),
  method = 'GET',
): UpstreamResponseHead {
  return apply({ onUpstreamResponse }, head, method)
}

describe('responseHeaders', () => {
  it('remove, set, append; with functions of the context', () => {
    const head = apply({
      responseHeaders: {
        remove: ['content-type'],
        set: { 'X-Peer': ({ peer, status }) => `${peer.hostname} ${status}` },
        append: { 'X-Peer': ['a', 'b'] },
      },
    })
    expect(head.headers.raw).toEqual(
      ['Content-Length', '5'].concat('X-Peer', 'app 200', 'X-Peer', 'a', 'X-Peer', 'b'),
    )
  })

  it('names itself', () => {
    const responseHeaders = { set: { 'X-V': () => 'a\n' } }
    expect(() => apply({ responseHeaders })).toThrow(/^responseHeaders.set\["X-V"\]: must return/)
  })

  it('comes before the hook', () => {
    const seen: unknown[] = []
    apply({
      responseHeaders: { set: { X: 'y' } },
      onUpstreamResponse: (head) => void seen.push(head.headers.get('x')),
    })
    expect(seen).toEqual(['y'])
  })
})

describe('onUpstreamResponse', () => {
  it('gets head and context', () => {
    const head = headOf()
    const seen: unknown[] = []
    hook((given, context) => void seen.push(given, context), head)
    expect(seen).toEqual([head, contextOf()])
    expect(head).toEqual(headOf())
  })

  it('is waited for if it is asynchronous, and only then', async () => {
    const changes = compileResponseChanges(
      {
        ...NOTHING,
        onUpstreamResponse: async (head) => {
          await Promise.resolve()
          head.status = 201
          head.headers.append('Keep-Alive', 'x')
        },
      },
      { peers: [PEER] },
    )
    const head = headOf()
    expect(await changes?.head?.(head, contextOf())).toBeUndefined()
    expect(head.status).toBe(201)
    expect(head.headers.raw).toEqual(FIELDS)
  })

  it('errors are passed on as they are, and a stream that was given is destroyed', async () => {
    const error = new Error('mine')
    const body = new PassThrough()
    const run = (): unknown =>
      hook((head) => {
        head.body = body
        throw error
      })
    expect(run).toThrow(error)
    expect(body.destroyed).toBe(true)
    const options = { ...NOTHING, onUpstreamResponse: () => Promise.reject(error) }
    const changes = compileResponseChanges(options, { peers: [PEER] })
    await expect(changes?.head?.(headOf(), contextOf())).rejects.toBe(error)
  })

  test.each<[string, OnUpstreamResponse, string]>([
    ['101', (h) => void (h.status = 101), 'head.status must be from 200 to 599, got 101'],
    ['199', (h) => void (h.status = 199), 'head.status must be from 200 to 599'],
    ['600', (h) => void (h.status = 600), 'head.status must be from 200 to 599'],
    ['a half', (h) => void (h.status = 200.5), 'head.status must be from 200 to 599'],
    ['a text', (h) => void (h.status = '200' as never), 'head.status must be from 200 to 599'],
    ['NaN', (h) => void (h.status = NaN), 'head.status must be from 200 to 599'],
    [
      'two lines',
      (h) => void (h.statusMessage = 'OK\r\nX: y'),
      'head.statusMessage must be a text',
    ],
    ['no reason', (h) => void (h.statusMessage = undefined as never), 'head.statusMessage must be'],
    ['a bad name', (h) => h.headers.set('X Y', 'z'), 'the name of a field must be a token'],
    ['a bad value', (h) => h.headers.set('X', 'a\nb'), 'the field X must be a text'],
    ['a secret', (h) => h.headers.set('Set-Cookie', 'secret\n'), 'in latin1, got "(hidden)"'],
    [
      'another list',
      (h) => void Object.assign(h, { headers: {} }),
      'must stay the list that it is',
    ],
    ['an object as body', (h) => void (h.body = {} as never), 'head.body must be undefined, null,'],
    [
      'a Readable as body',
      (h) => void (h.body = { pipe() {}, on() {}, destroy() {} } as never),
      'head.body must be undefined, null, a text, bytes or a Duplex',
    ],
  ])('must not leave %s', (_what, onUpstreamResponse, message) => {
    const run = (): unknown => hook(onUpstreamResponse)
    expect(run).toThrow(ChangeError)
    expect(run).toThrow(message)
    expect(run).toThrow(/^onUpstreamResponse: /)
  })

  it("a status and a field of the peer's own is not its fault", () => {
    const head = headOf(799, ['X', 'a\0'])
    hook((given) => given.headers.set('Y', 'z'), head)
    expect(head.status).toBe(799)
  })

  it('a status that it changes brings its own reason', () => {
    expect(hook((head) => void (head.status = 404)).statusMessage).toBe('Not Found')
    expect(hook((head) => void (head.status = 599)).statusMessage).toBe('')
    const both = hook((head) => void Object.assign(head, { status: 404, statusMessage: 'Gone' }))
    expect(both.statusMessage).toBe('Gone')
    expect(hook((head) => void (head.statusMessage = '')).statusMessage).toBe('')
  })

  it('framing and hop-by-hop fields that it sets are dropped', () => {
    const head = hook((given) => {
      given.headers.set('Transfer-Encoding', 'chunked')
      given.headers.append('Connection', ['close', 'x'])
      given.headers.append('Content-Length', '7')
      given.headers.append('Content-Length', '5')
    })
    expect(head.headers.raw).toEqual(FIELDS)
    expect(hook((given) => given.headers.set('content-length', '6')).headers.raw).toEqual([
      'Content-Type',
      'text/plain',
    ])
    expect(hook((given) => given.headers.delete('content-length')).headers.raw).toEqual([
      'Content-Type',
      'text/plain',
    ])
  })
})

describe('where the body ends', () => {
  const CHUNKED = ['Trailer', 'X-Sum', 'ETag', '"x"']

  function framed(
    status: number,
    change: Partial<UpstreamResponseHead>,
    method = 'GET',
    raw: readonly string[] = FIELDS,
  ): { length: string | undefined; trailer: boolean; body: unknown } {
    const head = hook((given) => void Object.assign(given, change), headOf(status, raw), method)
    const { headers, body } = head
    expect(headers.getAll('content-length').length).toBeLessThan(2)
    return { length: headers.get('content-length'), trailer: headers.has('trailer'), body }
  }

  it('a text or bytes have their length', () => {
    expect(framed(200, { body: 'äö' })).toMatchObject({ length: '4', body: 'äö' })
    expect(framed(200, { body: Buffer.from('abc') })).toMatchObject({ length: '3' })
    expect(framed(200, { body: '' })).toMatchObject({ length: '0', body: '' })
    expect(framed(200, { body: 'x' }, 'GET', CHUNKED)).toMatchObject({
      length: '1',
      trailer: false,
    })
  })

  it('the length stands where it stood', () => {
    const head = hook((given) => void (given.body = 'abc'), headOf(200, [...FIELDS, 'X', 'y']))
    expect(head.headers.raw.slice(2)).toEqual(['Content-Length', '3', 'X', 'y'])
  })

  it('null is nothing', () => {
    expect(framed(200, { body: null })).toEqual({ length: '0', trailer: false, body: null })
  })

  it('what comes out of a stream, nobody knows; its trailers may follow', () => {
    const body = new PassThrough()
    expect(framed(200, { body })).toEqual({ length: undefined, trailer: false, body })
    expect(framed(200, { body }, 'GET', CHUNKED)).toMatchObject({ trailer: true })
    expect(body.destroyed).toBe(false)
  })

  it('with a status that has no body, the one that the peer sends is dropped', () => {
    expect(framed(200, { status: 204 })).toMatchObject({ length: undefined, body: null })
    expect(framed(200, { status: 304 })).toMatchObject({ length: undefined, body: null })
    expect(framed(200, { status: 204, body: 'x' })).toMatchObject({ length: undefined, body: null })
    const body = new PassThrough()
    expect(framed(200, { status: 204, body })).toMatchObject({ length: undefined, body: null })
    expect(body.destroyed).toBe(true)
  })

  it('a status that has none may become one that has', () => {
    const announced = ['Content-Length', '1000']
    expect(framed(304, { status: 200 }, 'GET', announced)).toMatchObject({
      length: '0',
      body: null,
    })
    expect(framed(204, { status: 200 }, 'GET', [])).toMatchObject({ length: '0', body: null })
    expect(framed(204, { status: 200, body: 'ab' }, 'GET', [])).toMatchObject({
      length: '2',
      body: 'ab',
    })
  })

  it('304 keeps the length that it announces, and 204 has none', () => {
    const announced = ['Content-Length', '1000']
    expect(framed(304, {}, 'GET', announced)).toEqual({
      length: '1000',
      trailer: false,
      body: undefined,
    })
    expect(framed(304, { status: 204 }, 'GET', announced)).toMatchObject({
      length: undefined,
      body: undefined,
    })
    expect(framed(304, { body: null }, 'GET', announced)).toMatchObject({
      length: undefined,
      body: undefined,
    })
  })

  it('HEAD has no body, and says how long it would be', () => {
    expect(framed(200, {}, 'HEAD')).toMatchObject({ length: '5', body: undefined })
    expect(framed(200, { body: 'abc' }, 'HEAD')).toMatchObject({ length: '3', body: undefined })
    expect(framed(200, { body: null }, 'HEAD')).toMatchObject({ length: '0', body: undefined })
    expect(framed(200, { status: 404 }, 'HEAD')).toMatchObject({ length: '5', body: undefined })
    const body = new PassThrough()
    expect(framed(200, { body }, 'HEAD')).toMatchObject({ length: undefined, body: undefined })
    expect(body.destroyed).toBe(true)
  })
})

describe('interceptErrors', () => {
  const head = headOf(503)

  it('without it there is nothing to call', () => {
    expect(compileInterceptErrors(undefined)).toBeUndefined()
  })

  test.each([
    [true, true],
    [false, false],
    [undefined, false],
    ['yes', false],
    [1, false],
    [null, false],
    [{}, false],
  ])('%j: %s', async (returned, expected) => {
    const ask = vi.fn(() => returned as boolean)
    const context = contextOf()
    expect(await compileInterceptErrors(ask)?.(head, context)).toBe(expected)
    expect(ask.mock.calls).toEqual([[head, context]])
    const late = compileInterceptErrors(() => Promise.resolve(returned as boolean))
    const answer = late?.(head, context)
    expect(answer).toBeInstanceOf(Promise)
    expect(await answer).toBe(expected)
  })

  it('costs no promise where it returns none', () => {
    expect(compileInterceptErrors(() => true)?.(head, contextOf())).toBe(true)
  })
})

import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { describe, expect, it, test, vi } from 'vitest'
import { ChangeError } from '../../../src/message/change-error.js'
import { HeaderList } from '../../../src/message/header-list.js'
import {
  clientTarget,
  compileRequestChanges,
  mountOf,
} from '../../../src/message/request-changes.js'
import type { RequestChangeOptions } from '../../../src/message/request-changes.js'
import type {
  OnUpstreamRequest,
  RequestContext,
  UpstreamRequestHead,
} from '../../../src/message-options.js'

const NOTHING: RequestChangeOptions = {
  rewrite: undefined,
  requestHeaders: undefined,
  onUpstreamRequest: undefined,
}

function contextOf(): RequestContext {
  const request = Object.assign(new PassThrough(), { url: '/a' }) as unknown as IncomingMessage
  const response = new EventEmitter() as unknown as ServerResponse
  return { request, response }
}

function headOf(change: Partial<Omit<UpstreamRequestHead, 'headers'>> = {}, raw = FIELDS) {
  const headers = new HeaderList([...raw])
  return { method: 'GET', target: '/a?b', body: undefined, ...change, headers }
}

const FIELDS: readonly string[] = ['Host', 'site', 'X-A', '1', 'x-a', '2', 'Cookie', 'c']

/** What comes of a head. */
function apply(
  options: Partial<RequestChangeOptions>,
  head = headOf(),
  context = contextOf(),
): UpstreamRequestHead {
  const changes = compileRequestChanges({ ...NOTHING, ...options })
  const waiting = changes?.apply(head, context)
  expect(waiting).toBeUndefined()
  return head
}

function hook(onUpstreamRequest: OnUpstreamRequest, head = headOf()): UpstreamRequestHead {
  return apply({ onUpstreamRequest }, head)
}

describe('nothing to change', () => {
  test.each<Partial<RequestChangeOptions>>([
    {},
    { rewrite: [] },
    { requestHeaders: {} },
    { requestHeaders: { set: {}, append: {}, remove: [] } },
  ])('%j', (options) => {
    expect(compileRequestChanges({ ...NOTHING, ...options })).toBeUndefined()
  })
})

describe('the order', () => {
  it('is rewrite, then remove, set, append, then the hook', () => {
    const seen: unknown[] = []
    const head = apply({
      rewrite: [{ from: '/a', to: '/r' }],
      requestHeaders: {
        append: { 'X-A': '4', Via: 'x' },
        set: { 'X-A': '3' },
        remove: ['x-a', 'cookie'],
      },
      onUpstreamRequest: (given) => {
        seen.push(given.target, [...given.headers.raw])
        given.target = '/h'
        given.headers.set('X-A', '5')
      },
    })
    expect(seen).toEqual(['/r?b', ['Host', 'site', 'X-A', '3', 'X-A', '4', 'Via', 'x']])
    expect(head.target).toBe('/h')
    expect(head.headers.raw).toEqual(['Host', 'site', 'X-A', '5', 'Via', 'x'])
  })
})

describe('requestHeaders', () => {
  it('lists are several lines, an empty one is none', () => {
    const head = apply({
      requestHeaders: { set: { 'X-A': ['7', '8'], Cookie: [] }, append: { Host: [] } },
    })
    expect(head.headers.raw).toEqual(['Host', 'site', 'X-A', '7', 'X-A', '8'])
  })

  it('a function is called once with the context, and undefined leaves the field alone', () => {
    const context = contextOf()
    const value = vi.fn(() => 'v')
    const list = vi.fn(() => ['w', 'z'])
    const requestHeaders = {
      set: { 'X-A': () => undefined, 'X-V': value, 'X-U': undefined },
      append: { 'X-V': list, Cookie: () => undefined },
    }
    const head = apply({ requestHeaders }, headOf(), context)
    expect(head.headers.raw).toEqual([...FIELDS, 'X-V', 'v', 'X-V', 'w', 'X-V', 'z'])
    expect(value.mock.calls).toEqual([[context]])
    expect(list.mock.calls).toEqual([[context]])
  })

  it('reads each line of a list once', () => {
    let reads = 0
    const lines: string[] = []
    Object.defineProperty(lines, 0, { enumerable: true, get: () => (reads++ === 0 ? 'a' : 'a\n') })
    const head = apply({ requestHeaders: { set: { 'X-L': () => lines } } })
    expect(head.headers.get('X-L')).toBe('a')
  })

  test.each([
    [5, 'must return a text, a list of texts or undefined, got 5'],
    [null, 'must return a text, a list of texts or undefined, got null'],
    [
      'a\nb',
      'must return a field value: a text without control characters, in latin1, got "a\\nb"',
    ],
    ['\u{1f600}', 'must return a field value'],
    [['a', 5], 'must return a field value'],
    [['a', '\0'], 'must return a field value'],
    [Promise.resolve('a'), 'must return a text'],
  ])('what a function returns is checked: %j', (made, message) => {
    const requestHeaders = { set: { 'X-V': (() => made) as never } }
    const run = (): unknown => apply({ requestHeaders })
    expect(run).toThrow(ChangeError)
    expect(run).toThrow(`requestHeaders.set["X-V"]: ${message}`)
    const append = { append: { Authorization: (() => made) as never } }
    expect(() => apply({ requestHeaders: append })).toThrow(
      'requestHeaders.append.Authorization: must return',
    )
  })

  it('secrets are not told', () => {
    const requestHeaders = { set: { Authorization: () => 'Bearer secret\n' } }
    expect(() => apply({ requestHeaders })).toThrow(/^(?!.*secret).*hidden/)
  })

  it("a user's throw is passed on as it is", () => {
    const error = new Error('mine')
    const requestHeaders = {
      set: {
        'X-V': () => {
          throw error
        },
      },
    }
    expect(() => apply({ requestHeaders })).toThrow(error)
  })
})

describe('rewrite', () => {
  test.each(['x', '', '/a b', '/a\n', '/a\x7f', '/\u{1f600}', 'http://x/', '**'])(
    'must not make %j of a target',
    (made) => {
      const run = (): unknown => apply({ rewrite: () => made })
      expect(run).toThrow(ChangeError)
      expect(run).toThrow(/^rewrite: the target must begin with \//)
    },
  )

  it('leaves alone what it does not change, however strange', () => {
    const head = headOf({ target: 'strange\0' })
    expect(apply({ rewrite: (target) => target }, head).target).toBe('strange\0')
  })

  it('may make an asterisk, bytes, a query', () => {
    for (const made of ['*', '/é', '/x?y#z', '/']) {
      expect(apply({ rewrite: () => made }).target).toBe(made)
    }
  })
})

describe('onUpstreamRequest', () => {
  it('gets head and context, and changes what it wants', () => {
    const context = contextOf()
    const head = headOf()
    const seen: unknown[] = []
    apply(
      {
        onUpstreamRequest: (given, at) => {
          seen.push(given, at)
          given.method = 'PURGE'
          given.target = '/x'
          given.headers.append('X-B', 'y')
          given.body = 'text'
        },
      },
      head,
      context,
    )
    expect(seen).toEqual([head, context])
    expect(head).toMatchObject({ method: 'PURGE', target: '/x', body: 'text' })
    expect(head.headers.raw).toEqual([...FIELDS, 'X-B', 'y'])
  })

  it('is waited for if it is asynchronous, and only then', async () => {
    const head = headOf()
    const changes = compileRequestChanges({
      ...NOTHING,
      onUpstreamRequest: async (given) => {
        await Promise.resolve()
        given.target = '/late'
        given.headers.append('Connection', 'close')
      },
    })
    const waiting = changes?.apply(head, contextOf())
    expect(waiting).toBeInstanceOf(Promise)
    expect(head.target).toBe('/a?b')
    expect(await waiting).toBeUndefined()
    expect(head.target).toBe('/late')
    expect(head.headers.has('connection')).toBe(false)
  })

  it('any thenable is waited for, anything else is nothing', async () => {
    const thenable = {
      then: (resolve: (value: unknown) => void) => {
        resolve(5)
      },
    }
    const changes = compileRequestChanges({
      ...NOTHING,
      onUpstreamRequest: (() => thenable) as never,
    })
    await expect(changes?.apply(headOf(), contextOf())).resolves.toBeUndefined()
    hook((() => ({ then: 5 })) as never)
    hook((() => 'x') as never)
  })

  it('errors are passed on as they are', async () => {
    const error = new Error('mine')
    const thrown = (): never => {
      throw error
    }
    expect(() => hook(thrown)).toThrow(error)
    const changes = compileRequestChanges({
      ...NOTHING,
      onUpstreamRequest: () => Promise.reject(error),
    })
    await expect(changes?.apply(headOf(), contextOf())).rejects.toBe(error)
  })

  test.each<[string, OnUpstreamRequest, string]>([
    ['a method with a space', (h) => void (h.method = 'GET /'), 'head.method must be a token'],
    ['no method', (h) => void (h.method = ''), 'head.method must be a token (RFC 9110), got ""'],
    ['a number', (h) => void (h.method = 5 as never), 'head.method must be a token'],
    ['CONNECT', (h) => void (h.method = 'CONNECT'), 'head.method must not be CONNECT'],
    ['connect', (h) => void (h.method = 'connect'), 'head.method must not be CONNECT'],
    ['HEAD', (h) => void (h.method = 'HEAD'), 'head.method must not become HEAD'],
    ['head', (h) => void (h.method = 'Head'), 'head.method must not become HEAD'],
    ['a target with a space', (h) => void (h.target = '/a b'), 'the target must begin with /'],
    ['a target with a line', (h) => void (h.target = '/a\r\nX: y'), 'the target must begin with /'],
    ['an absolute target', (h) => void (h.target = 'http://a/'), 'the target must begin with /'],
    ['no target', (h) => void (h.target = undefined as never), 'got undefined'],
    ['a bad name', (h) => h.headers.set('X Y', 'z'), 'the name of a field must be a token'],
    ['an empty name', (h) => h.headers.set('', 'z'), 'the name of a field must be a token'],
    ['a pseudo field', (h) => h.headers.set(':path', '/'), 'the name of a field must be a token'],
    [
      'a bad value',
      (h) => h.headers.set('X-Y', 'a\r\nb'),
      'the field X-Y must be a text without control characters, in latin1, got "a\\r\\nb"',
    ],
    ['no value', (h) => h.headers.append('X', undefined as never), 'is not iterable'],
    ['a value of another kind', (h) => h.headers.append('X', [5 as never]), 'the field X must be'],
    ['an odd list', (h) => void h.headers.raw.push('X'), 'names and values in turn, got 9'],
    [
      'another list',
      (h) => void Object.assign(h, { headers: [] }),
      'must stay the list that it is',
    ],
    ['two hosts', (h) => h.headers.append('Host', 'b'), 'Host must be there at most once'],
    ['a bad host', (h) => h.headers.set('host', 'a/b'), 'Host must be a host name'],
    ['an object as body', (h) => void (h.body = {} as never), 'head.body must be undefined, null,'],
    ['a number as body', (h) => void (h.body = 5 as never), 'head.body must be undefined, null,'],
  ])('must not leave %s', (_what, onUpstreamRequest, message) => {
    expect(() => hook(onUpstreamRequest)).toThrow(message)
  })

  it('tells which option it is', () => {
    const run = (): unknown => hook((head) => void (head.method = 'A B'))
    expect(run).toThrow(/^onUpstreamRequest: head.method .* got "A B"$/)
    expect(run).toThrow(expect.objectContaining({ option: 'onUpstreamRequest' }))
  })

  it('what the client sent itself is not its fault', () => {
    const head = headOf({ method: 'HEAD', target: 'http://x y/' }, ['X', 'a\0', 'Host', 'site'])
    hook((given) => given.headers.set('Y', 'z'), head)
    expect(head.headers.raw).toEqual(['X', 'a\0', 'Host', 'site', 'Y', 'z'])
  })

  it('Host may be changed or taken out', () => {
    expect(hook((h) => h.headers.set('HOST', 'other:8080')).headers.get('host')).toBe('other:8080')
    expect(hook((h) => h.headers.delete('Host')).headers.has('host')).toBe(false)
  })

  it('framing and hop-by-hop fields that it sets are dropped', () => {
    const head = hook((given) => {
      for (const name of ['Content-Length', 'Transfer-Encoding', 'CONNECTION', 'Keep-Alive']) {
        given.headers.append(name, 'x')
      }
      for (const name of ['Upgrade', 'TE', 'Trailer', 'Proxy-Connection', 'HTTP2-Settings']) {
        given.headers.set(name, ['x', 'y'])
      }
      given.headers.set('Expect', '100-continue')
    })
    expect(head.headers.raw).toEqual(FIELDS)
  })

  it('those that were there stay', () => {
    const head = headOf({}, ['TE', 'trailers', 'X', 'y', 'Trailer', 'a'])
    hook((given) => {
      given.headers.append('te', 'trailers')
      given.headers.set('Trailer', 'b')
    }, head)
    expect(head.headers.raw).toEqual(['TE', 'trailers', 'X', 'y'])
  })

  test.each([null, '', 'text', new Uint8Array(2), Buffer.from('x'), new PassThrough()])(
    'a body may be any of these, case %#',
    (body) => {
      expect(hook((head) => void (head.body = body)).body).toBe(body)
    },
  )

  it('a stream that will not be used is destroyed when the client is answered', () => {
    const body = new PassThrough()
    const context = contextOf()
    const options = {
      ...NOTHING,
      onUpstreamRequest: (head: UpstreamRequestHead) => {
        head.body = body
        head.method = 'A B'
      },
    }
    expect(() => compileRequestChanges(options)?.apply(headOf(), context)).toThrow('head.method')
    expect(body.destroyed).toBe(false)
    context.response.emit('close')
    expect(body.destroyed).toBe(true)
    expect(context.request.destroyed).toBe(false)
  })

  it('but never the client’s request itself', () => {
    const context = contextOf()
    const options = {
      ...NOTHING,
      onUpstreamRequest: (head: UpstreamRequestHead, { request }: RequestContext) => {
        head.body = request
        throw new Error('mine')
      },
    }
    expect(() => compileRequestChanges(options)?.apply(headOf(), context)).toThrow('mine')
    context.response.emit('close')
    expect(context.request.destroyed).toBe(false)
  })
})

describe('the mount path', () => {
  test.each<[string, object, string, string]>([
    ['none', { url: '/a?b' }, '', '/a?b'],
    ['Express, at the root', { url: '/a', baseUrl: '', originalUrl: '/a' }, '', '/a'],
    ['Express', { url: '/a?b', baseUrl: '/api', originalUrl: '/api/a?b' }, '/api', '/api/a?b'],
    [
      'Express, the target changed before',
      { url: '/a', baseUrl: '/API', originalUrl: '/x' },
      '/API',
      '/x',
    ],
    ['Express, a slash at its end', { url: '/a', baseUrl: '/api/' }, '/api', '/a'],
    ['Express, only slashes', { url: '/a', baseUrl: '///' }, '', '/a'],
    ['not a path', { url: '/a', baseUrl: 'api' }, '', '/a'],
    ['Connect, at the root', { url: '/a', originalUrl: '/a' }, '', '/a'],
    ['Connect', { url: '/a?b', originalUrl: '/api/a?b' }, '/api', '/api/a?b'],
    ['Connect, the mount path itself', { url: '/', originalUrl: '/api' }, '/api', '/api'],
    ['Connect, with a query', { url: '/?b', originalUrl: '/api?b' }, '/api', '/api?b'],
    [
      'Connect, absolute form',
      { url: 'http://h/a', originalUrl: 'http://h/api/a' },
      '/api',
      'http://h/api/a',
    ],
    ['re-written', { url: '/new', originalUrl: '/old' }, '', '/old'],
    [
      're-written to what the query ends with',
      { url: '/x', originalUrl: '/a?b=/x' },
      '',
      '/a?b=/x',
    ],
    ['of other types', { url: '/a', baseUrl: 5, originalUrl: {} }, '', '/a'],
    ['no url', {}, '', '/'],
  ])('%s', (_what, req, mount, whole) => {
    expect(mountOf(req as IncomingMessage)).toBe(mount)
    expect(clientTarget(req as IncomingMessage, 'keep')).toBe(whole)
    expect(clientTarget(req as IncomingMessage, 'strip')).toBe('url' in req ? req.url : '/')
  })
})

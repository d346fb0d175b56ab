import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { resolveUpstream } from '../../src/config.js'
import { ConfigurationError } from '../../src/errors.js'

function lines(options: object): string[] {
  try {
    resolveUpstream({ peers: ['http://a'], ...options })
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    expect(inspect(error, { depth: 9 })).not.toContain('topsecret')
    // What is shown of values is tested elsewhere.
    return error.message.split('\n').map((line) => line.replace(/, got .*$/, ''))
  }
  return []
}

const WAYS = "sticky must have one of 'cookie', 'route' and 'learn'"
const BROWSERS = 'browsers would drop the cookie'

describe('sticky', () => {
  test.each([
    [{}, [WAYS]],
    [{ cookie: {}, learn: {} }, [WAYS]],
    ['cookie', ['sticky must be an object']],
    [{ cooki: {} }, ['sticky.cooki is not an option (did you mean cookie?)', WAYS]],
    [{ cookie: true }, ['sticky.cookie must be an object']],
    [{ cookie: { nme: 'a' } }, ['sticky.cookie.nme is not an option (did you mean name?)']],
    [
      { cookie: { name: 'a b' } },
      ["sticky.cookie.name must be a name of letters, digits and !#$%&'*+-.^_`|~"],
    ],
    [
      { cookie: { path: 'app' } },
      ["sticky.cookie.path must begin with '/', without ';' and control characters"],
    ],
    [
      { cookie: { path: '/;Domain=x' } },
      ["sticky.cookie.path must begin with '/', without ';' and control characters"],
    ],
    [
      { cookie: { domain: 'a..b' } },
      ["sticky.cookie.domain must be a domain such as 'example.com'"],
    ],
    [{ cookie: { secure: 'yes' } }, ["sticky.cookie.secure must be true, false or 'auto'"]],
    [
      { cookie: { sameSite: 'Lax' } },
      ["sticky.cookie.sameSite must be true, false, 'lax', 'strict' or 'none'"],
    ],
    [{ cookie: { expires: new Date(NaN) } }, ['sticky.cookie.expires must be a valid Date']],
    [{ cookie: { maxAge: 0 } }, ['sticky.cookie.maxAge must be more than 0']],
    [
      { cookie: { maxAge: 1, expires: new Date(0) } },
      ['sticky.cookie.expires must not stand beside maxAge'],
    ],
    [
      { cookie: { sameSite: 'none' } },
      [`sticky.cookie.sameSite must not be 'none' without secure: ${BROWSERS}`],
    ],
    [{ cookie: { partitioned: true } }, [`sticky.cookie.partitioned needs secure: ${BROWSERS}`]],
    [
      { cookie: { name: '__Secure-a', secure: 'auto' } },
      [`sticky.cookie.name needs secure: true: ${BROWSERS}`],
    ],
    [
      { cookie: { name: '__Host-a', secure: true, domain: 'a.b' } },
      [`sticky.cookie.name needs path '/' and no domain: ${BROWSERS}`],
    ],
    [{ route: [] }, ['sticky.route must be a list of sources, with at least one']],
    [
      { route: [{ header: 'x' }, { cookie: 'a', query: 'b' }] },
      [
        "sticky.route[1] must be { cookie: 'name' }, { query: 'name' }, { header: 'Name' } or a function",
      ],
    ],
    [
      { learn: { size: 0 } },
      [
        'sticky.learn.create is required',
        'sticky.learn.lookup is required',
        'sticky.learn.size must be a positive integer',
      ],
    ],
    [
      { learn: { create: { query: 'a' }, lookup: 'sid', timeout: '0' } },
      [
        "sticky.learn.create must be { cookie: 'name' }, { header: 'Name' } or a function",
        "sticky.learn.lookup must be { cookie: 'name' }, { query: 'name' }, { header: 'Name' } or a function",
        'sticky.learn.timeout must be more than 0',
      ],
    ],
  ])('%j', (sticky, expected) => {
    expect(lines({ sticky })).toEqual(expected)
  })

  test.each([[''], [[]], [['topsecret', '']], [['topsecret', 7]], [{ key: 'topsecret' }], [7]])(
    'a secret that is none: %j',
    (secret) => {
      const [line, ...more] = lines({ sticky: { cookie: { secret } } })
      expect(line).toMatch(
        /^sticky\.cookie\.secret must be a text that is not empty, or a list of such texts$/,
      )
      expect(more).toEqual([])
    },
  )

  test('defaults', () => {
    expect(resolveUpstream({ peers: ['http://a'] }).sticky).toBeUndefined()
    const of = (options: object): unknown =>
      resolveUpstream({ peers: ['http://a'], ...options }).sticky
    const cookie = {
      way: 'cookie',
      name: 'srv_id',
      secrets: [],
      path: '/',
      domain: undefined,
      httpOnly: true,
      secure: false,
      sameSite: undefined,
      maxAge: undefined,
      expires: undefined,
      partitioned: false,
      priority: undefined,
      rolling: false,
      indirect: false,
      nocache: true,
    }
    expect(of({ sticky: { cookie: {} } })).toEqual(cookie)
    expect(of({ sticky: { cookie: {} }, preset: 'nginx' })).toEqual({ ...cookie, nocache: false })
    const learn = { create: { cookie: 'a' }, lookup: { query: 'b' } }
    const expected = { way: 'learn', ...learn, size: 10_000, timeout: 600_000 }
    expect(of({ sticky: { learn } })).toEqual(expected)
  })
})

describe('locality and subset', () => {
  const subset = (): undefined => undefined
  const FALLBACK = "subsetFallback must be 'none', 'any' or an object of labels"
  test.each([
    [{ locality: '' }, ['locality must be a text without control characters']],
    [{ locality: 7 }, ['locality must be the name of a locality, or an object']],
    [{ locality: {} }, ['locality.own is required']],
    [
      { locality: { own: 'a', overprovisioning: 0.5, minimum: 0 } },
      [
        'locality.overprovisioning must be a number of at least 1',
        'locality.minimum must be a positive integer',
      ],
    ],
    [{ subset: { version: '2' } }, ['subset must be a function']],
    [{ subsetFallback: 'any' }, ['subsetFallback needs subset']],
    [{ subset, subsetFallback: 'all' }, [FALLBACK]],
    [{ subset, subsetFallback: {} }, [FALLBACK]],
    [{ subset, subsetFallback: { a: 1 } }, [FALLBACK]],
  ])('%j', (options, expected) => {
    expect(lines(options)).toEqual(expected)
  })

  test('defaults', () => {
    const config = resolveUpstream({ peers: ['http://a'], locality: 'here', subset })
    expect(config.locality).toEqual({ own: 'here', overprovisioning: 1.4, minimum: 1 })
    expect(config.subset).toEqual({ of: subset, fallback: 'none' })
  })

  test('they belong to the upstream', async () => {
    const { createBalancer, createUpstream } = await import('evenkeel')
    const shared = createUpstream({ peers: ['http://a'] })
    expect(() =>
      createBalancer({
        upstream: shared,
        sticky: { cookie: {} },
        locality: 'a',
        subset,
        subsetFallback: 'any',
      }),
    ).toThrow(
      ['sticky', 'locality', 'subset', 'subsetFallback']
        .map((name) => `${name} belongs to the upstream made by createUpstream`)
        .join('\n'),
    )
  })
})

import { METHODS } from 'node:http'
import { describe, expect, it } from 'vitest'
import { isStaleConnection } from '../../../src/next-upstream/attempt-result.js'
import type { UpstreamFailure } from '../../../src/next-upstream/attempt-result.js'
import { requestAtFault } from '../../../src/next-upstream/blame.js'
import type { Failing } from '../../../src/next-upstream/blame.js'
import { CONDITIONS, conditionOfStatus } from '../../../src/next-upstream/condition.js'
import { gatewayOutcome } from '../../../src/next-upstream/gateway-status.js'
import { isIdempotent, isIdempotentForNginx } from '../../../src/next-upstream/idempotent.js'

describe('conditionOfStatus', () => {
  it('knows nginx’s seven statuses, and no other from 100 to 999', () => {
    const known = new Map<number, string>()
    for (let status = 100; status < 1000; status++) {
      const condition = conditionOfStatus(status)
      if (condition !== undefined) known.set(status, condition)
    }
    expect([...known]).toEqual(
      [403, 404, 429, 500, 502, 503, 504].map((status) => [status, `http_${String(status)}`]),
    )
  })

  it('has nginx’s words in nginx’s order', () => {
    expect(CONDITIONS.join(' ')).toBe(
      'error timeout invalid_header http_500 http_502 http_503 http_504 http_403 http_404 http_429 non_idempotent off',
    )
  })
})

const failure: UpstreamFailure = {
  condition: 'error',
  phase: 'header',
  type: 'connection_terminated',
  requestSent: true,
  reusedConnection: true,
  responseStarted: false,
  cause: undefined,
}

describe('gatewayOutcome', () => {
  it.each([
    ['error', 502, 'ERR_UPSTREAM_CONNECTION'],
    ['invalid_header', 502, 'ERR_UPSTREAM_INVALID_HEADER'],
    ['timeout', 504, 'ERR_UPSTREAM_TIMEOUT'],
  ] as const)('%s is %i', (condition, status, code) => {
    expect(gatewayOutcome({ ...failure, condition })).toEqual({ status, code })
  })
})

describe('isStaleConnection', () => {
  it('is a reused connection that broke without a byte of response', () => {
    expect(isStaleConnection(failure)).toBe(true)
    expect(isStaleConnection({ ...failure, requestSent: false })).toBe(true)
  })

  it.each([
    ['a new connection', { reusedConnection: false }],
    ['one that had begun to answer', { responseStarted: true }],
    ['one that is silent', { condition: 'timeout' }],
    ['one that talks nonsense', { condition: 'invalid_header' }],
  ] as const)('is not %s', (_name, change) => {
    expect(isStaleConnection({ ...failure, ...change })).toBe(false)
  })
})

describe('idempotent methods', () => {
  it('are those of the IANA registry, of all that Node can parse', () => {
    const not = METHODS.filter((method) => !isIdempotent(method))
    // M-SEARCH … UNSUBSCRIBE are not in the registry: nothing is promised of them.
    const unregistered = ['M-SEARCH', 'NOTIFY', 'PURGE', 'SOURCE', 'SUBSCRIBE', 'UNSUBSCRIBE']
    expect(not.sort()).toEqual([...unregistered, 'CONNECT', 'LOCK', 'PATCH', 'POST'].sort())
  })

  it('are case-sensitive, and an unknown method is none', () => {
    expect(isIdempotent('get')).toBe(false)
    expect(isIdempotent('BREW')).toBe(false)
  })

  it('are for nginx all but POST, LOCK and PATCH', () => {
    expect(METHODS.filter((method) => !isIdempotentForNginx(method)).sort()).toEqual([
      'LOCK',
      'PATCH',
      'POST',
    ])
  })
})

describe('requestAtFault', () => {
  const [a, b] = [{}, {}]
  const at = (peer: object, change: Partial<Failing> = {}): Failing => ({
    peer,
    manner: 'error connection_terminated',
    requestSent: true,
    failuresSinceAnswer: 1,
    ...change,
  })

  it('is a request that fails in the same way at two peers that serve others', () => {
    expect(requestAtFault([at(a)], at(b))).toBe(true)
    expect(requestAtFault([at(a, { manner: 'timeout x' }), at(a)], at(b))).toBe(true)
  })

  it('also where failures are not counted', () => {
    expect(requestAtFault([at(a, { failuresSinceAnswer: 0 })], at(b))).toBe(true)
  })

  it.each([
    ['its first failure', [], at(b)],
    ['twice the same peer', [at(b)], at(b)],
    ['another manner', [at(a, { manner: 'timeout connection_read_timeout' })], at(b)],
    ['never sent to the first', [at(a, { requestSent: false })], at(b)],
    ['never sent to the second', [at(a)], at(b, { requestSent: false })],
    ['the first fails others, too', [at(a, { failuresSinceAnswer: 2 })], at(b)],
    ['the second fails others, too', [at(a)], at(b, { failuresSinceAnswer: 2 })],
  ] as const)('not: %s', (_name, earlier, latest) => {
    expect(requestAtFault(earlier, latest)).toBe(false)
  })
})

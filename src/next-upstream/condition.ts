/** nginx's `proxy_next_upstream` conditions. */

/** All the words of the directive, in nginx's order. */
export const CONDITIONS = [
  'error',
  'timeout',
  'invalid_header',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
  'http_403',
  'http_404',
  'http_429',
  'non_idempotent',
  'off',
] as const

/** A word of nginx's `proxy_next_upstream`. */
export type Condition = (typeof CONDITIONS)[number]

/** What can be the matter with one attempt: a transport condition or a listed status. */
export type AttemptCondition = Exclude<Condition, 'non_idempotent' | 'off'>

/** The conditions of an attempt that brought no usable response head. */
export type TransportCondition = 'error' | 'timeout' | 'invalid_header'

/** The condition a status stands for; other statuses never match (nginx `ngx_http_upstream_test_next`). */
export function conditionOfStatus(status: number): AttemptCondition | undefined {
  switch (status) {
    case 500:
      return 'http_500'
    case 502:
      return 'http_502'
    case 503:
      return 'http_503'
    case 504:
      return 'http_504'
    case 403:
      return 'http_403'
    case 404:
      return 'http_404'
    case 429:
      return 'http_429'
    default:
      return undefined
  }
}

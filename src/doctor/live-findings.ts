/** What an answer of a peer means for the configuration. */
import type { ProxyFacts, UpstreamFacts } from './conf-facts.js'
import type { LiveCheck } from './report.js'
import type { ResponseHead } from './response-head.js'
import { persists } from './response-head.js'

type Told = readonly [check: LiveCheck['check'], result: LiveCheck['result'], message: string]

/** nginx's `proxy_buffer_size`: one page. */
const ONE_PAGE = 4096

export function headChecks(head: ResponseHead, proxy: ProxyFacts | undefined): Told[] {
  const { status, size, version } = head
  const listed = proxy?.nextUpstream.includes(`http_${status}`) === true
  const request: Told =
    status >= 500
      ? [
          'request',
          'failed',
          `answers ${status}${listed ? ', which proxy_next_upstream counts as a failure of the server' : ''}`,
        ]
      : ['request', 'ok', `answers ${status}, HTTP/${version}`]
  const limit = proxy?.bufferSize ?? ONE_PAGE
  const header: Told =
    size > limit
      ? ['headers', 'failed', `a header of ${size} bytes, and proxy_buffer_size is ${limit}`]
      : size > limit * 0.75
        ? ['headers', 'warning', `a header of ${size} bytes, close to proxy_buffer_size, ${limit}`]
        : ['headers', 'ok', `a header of ${size} bytes (proxy_buffer_size ${limit})`]
  return [request, header]
}

/** @param closed milliseconds after which the idle connection was closed; undefined: not while it was watched. */
export function keepAliveCheck(
  head: ResponseHead,
  closed: number | undefined,
  upstream: UpstreamFacts,
  proxy: ProxyFacts | undefined,
): Told {
  const kept = upstream.keepalive > 0 && proxy?.mayKeepAlive === true
  if (!persists(head))
    return ['keepalive', kept ? 'warning' : 'ok', 'closes the connection after each answer']
  const announced = head.keepAlive === undefined ? undefined : head.keepAlive * 1000
  const limit = closed ?? announced
  if (limit === undefined)
    return ['keepalive', 'ok', 'keeps an idle connection for longer than it was watched']
  const how =
    closed === undefined
      ? `announces Keep-Alive: timeout=${limit / 1000}`
      : `closes an idle connection after ${(closed / 1000).toFixed(1)} s`
  if (!kept) return ['keepalive', 'ok', `${how}; nginx keeps none`]
  const longest = upstream.keepaliveTimeout
  return limit > longest
    ? ['keepalive', 'ok', `${how}, nginx after ${longest / 1000} s`]
    : [
        'keepalive',
        'failed',
        `${how}, and nginx uses it for up to ${longest / 1000} s (keepalive_timeout): stale connections`,
      ]
}

/** What to do about each mechanism: in nginx, and with evenkeel. */
import type { ProxyFacts, UpstreamFacts } from './conf-facts.js'
import type { Fix, DoctorMechanism } from './report.js'

export interface AdviceContext {
  readonly upstream: UpstreamFacts | undefined
  readonly proxies: readonly ProxyFacts[]
  /** Paths of the requests that failed, the most frequent first. */
  readonly paths: readonly string[]
}

export function fixFor(mechanism: DoctorMechanism, context: AdviceContext): Fix {
  const fix = FIXES[mechanism](context)
  return { nginx: fix.nginx, evenkeel: fix.evenkeel }
}

const FIXES: Readonly<Record<DoctorMechanism, (context: AdviceContext) => Fix>> = {
  application_errors_mark_peers: (context) => ({
    nginx: [
      nextUpstreamWithoutStatuses(context),
      'or `max_fails=0` for each server; but then one that is dead is never left out.',
      `The errors themselves are the application's: see ${pathList(context.paths)}.`,
    ],
    evenkeel: [
      "Nothing to set: statuses count against nobody (`failOn`), the first real answer is kept, and marks alone never make a 502 (`whenNoneLive: 'try'`).",
    ],
  }),
  stale_keepalive: ({ upstream }) => ({
    nginx: [
      `Let the servers keep idle connections longer than nginx does: theirs (Node: server.keepAliveTimeout, 5 s by default) above nginx's keepalive_timeout (${seconds(upstream?.keepaliveTimeout ?? 60_000)} now), or`,
      '`keepalive_timeout 4s;` in upstream {}, below the limit of the servers (--live measures it).',
      'Do not list `non_idempotent`: a POST that may have been carried out would be sent twice.',
    ],
    evenkeel: [
      "Nothing to set: each server's idle limit is learnt, a stale connection counts against nobody and is replaced by a fresh one; a POST never uses one (`keepalive.nonIdempotent: 'fresh'`).",
      "`keepalive: { timeout: '4s' }`, if you know the limit.",
    ],
  }),
  oversized_headers: ({ proxies, paths }) => ({
    nginx: [
      `\`proxy_buffer_size ${largerBuffer(proxies)}k; proxy_buffers 8 ${largerBuffer(proxies)}k;\` (now ${bufferSize(proxies)} bytes).`,
      `See what makes the header so large at ${pathList(paths)}: mostly cookies.`,
    ],
    evenkeel: [
      `\`bufferSize: '${Math.max(32, largerBuffer(proxies))}k'\` (16k by default). A request that fails so at two servers is at fault itself, and their marks are taken back.`,
    ],
  }),
  invalid_headers: ({ paths }) => ({
    nginx: [
      `See what the servers answer to ${pathList(paths)}; is it their HTTP port, and without TLS?`,
      'nginx counts such an answer against the server even if `invalid_header` is not listed.',
    ],
    evenkeel: [
      'The same answer is a 502 with its reason; a request that fails so at two servers marks nobody.',
    ],
  }),
  timeouts: (context) => ({
    nginx: [
      `A slow URL (${pathList(context.paths)}) needs a location of its own with a longer \`proxy_read_timeout\` (now ${readTimeout(context.proxies)}), and an upstream {} of its own so that it marks no server for others.`,
      'Do not raise the timeouts everywhere: a hung server is then noticed later, and its probe takes as long.',
      '`proxy_connect_timeout 2s;`: a server that does not take connections is known at once.',
    ],
    evenkeel: [
      "`exempt: '/slow'` for URLs that may be slow: they say nothing of a server.",
      '`readTimeout`, `connectTimeout` (5 s); `hedge` asks another server in time; a hung one is probed in the background (`probe`).',
    ],
  }),
  refused_connections: ({ upstream }) => ({
    nginx: [
      'The process was not there: see its own log, and its restarts. Restart servers one by one.',
      `A \`backup\` server answers meanwhile. A mark lasts fail_timeout (${seconds(upstream?.servers[0]?.failTimeout ?? 10_000)}) even if the process is back sooner.`,
    ],
    evenkeel: [
      'A server that is back is found by a probe within about a second (`probe`, `healthCheck`).',
      "`whenNoneLive: 'wait'` holds requests while all of them are away.",
    ],
  }),
  unreachable: () => ({
    nginx: [
      'The network or DNS: routes, firewalls, security groups, addresses that have changed (nginx looks names up at its start only, but for `resolve`).',
    ],
    evenkeel: [
      '`fromDns()` of evenkeel/discovery looks names up again; `healthCheck` finds out before requests do.',
    ],
  }),
  peer_crash: ({ paths }) => ({
    nginx: [
      `See the log of the servers at these times, and what ${pathList(paths)} does: crash, out of memory, a limit of the process manager.`,
      'Stop servers gracefully: first no new connections, then wait for running requests.',
    ],
    evenkeel: [
      'A request that breaks two servers which serve others is at fault: their marks are taken back and it is not tried further.',
      '`upstream.drain(peer)` before a server is stopped.',
    ],
  }),
  tls_failures: ({ upstream }) => ({
    nginx: [
      'Check certificate and names: `proxy_ssl_server_name on;`, `proxy_ssl_name`, `proxy_ssl_trusted_certificate` (--live shows them).',
      `\`openssl s_client -connect ${upstream?.servers[0]?.address ?? 'SERVER:443'}\` by hand.`,
    ],
    evenkeel: [
      '`tls: { name, ca }`: the server name is always sent, the certificate is checked, and the exact reason is in `Proxy-Status` and the log.',
    ],
  }),
  connection_limits: ({ upstream }) => ({
    nginx: [
      '`worker_connections 4096;` and `worker_rlimit_nofile 10240;` (each proxied request needs two), where they ran out.',
      'Local ports (99: Cannot assign requested address): keep connections (`keepalive 64;`, HTTP/1.1), or `proxy_bind` to more addresses.',
      ...(upstream?.servers.some(({ maxConns }) => maxConns > 0) === true
        ? ['`max_conns` refuses what is above it: raise it, or add servers.']
        : []),
    ],
    evenkeel: [
      '`queue: {}`: requests wait for a place in place of a 502; `maxConns`, `maxInFlight`. A shortage of our own marks no server.',
    ],
  }),
  too_few_idle_connections: () => ({
    nginx: [
      '`keepalive 64;` in upstream {} (as many as requests run at once in one worker), with `proxy_http_version 1.1; proxy_set_header Connection "";` where proxy_pass is.',
    ],
    evenkeel: [
      'Nothing to set: 64 idle connections are kept for each server (`keepalive.connections`).',
    ],
  }),
  unknown: () => ({
    nginx: [
      "Log more: `log_format doctor '$time_iso8601\\t$status\\t$request\\t$upstream_addr\\t$upstream_status\\t$upstream_connect_time\\t$upstream_header_time\\t$upstream_response_time\\t$request_time';`",
      'and `error_log FILE warn;`: the level `error` hides "upstream server temporarily disabled".',
    ],
    evenkeel: [
      'Every 502 has its reason: `Proxy-Status`, the `error` event, and one line in the log `evenkeel:request`.',
    ],
  }),
}

function nextUpstreamWithoutStatuses({ proxies }: AdviceContext): string {
  const words = proxies.find(({ nextUpstream }) =>
    nextUpstream.some((word) => word.startsWith('http_5')),
  )?.nextUpstream
  const kept = words?.filter((word) => !/^http_(?:5|429)/.test(word)) ?? ['error', 'timeout']
  return `\`proxy_next_upstream ${kept.length === 0 ? 'error timeout' : kept.join(' ')};\`: without the statuses (http_500 …), for each of them counts as a failure of the server.`
}

const bufferSize = (proxies: readonly ProxyFacts[]): number =>
  Math.max(...(proxies.length === 0 ? [4096] : proxies.map((proxy) => proxy.bufferSize)))

/** In k: enough for most, and in any case more than there is. */
const largerBuffer = (proxies: readonly ProxyFacts[]): number =>
  Math.max(16, 2 * Math.ceil(bufferSize(proxies) / 1024))

const seconds = (ms: number): string => `${String(ms / 1000)} s`

function readTimeout(proxies: readonly ProxyFacts[]): string {
  const times = [...new Set(proxies.map((proxy) => proxy.readTimeout))]
  return times.length === 0 ? '60 s by default' : times.map(seconds).join(', ')
}

function pathList(paths: readonly string[]): string {
  const shown = [...new Set(paths)].filter((path) => path !== '').slice(0, 3)
  return shown.length === 0 ? 'the requests above' : shown.join(', ')
}

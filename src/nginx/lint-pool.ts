/** Rules about connections to the peers, and the buffer for their headers. */
import { parseDuration } from '../config/duration.js'
import { parseSize } from '../config/size.js'
import type { Directive } from './conf.js'
import { finding } from './lint-finding.js'
import type { Finding } from './lint-finding.js'
import { METHODS } from './import-selector.js'
import { topBlocks } from './locations.js'
import { ownOf } from './lint-site.js'
import type { LintSite, LintUpstream, LintUse } from './lint-site.js'

/** Node closes idle connections after 5 s, as Apache does; gunicorn after 2 s. */
const USUAL_IDLE = 5_000
const DEFAULT_IDLE = 60_000
const PAGE = 4096

export function poolRules(site: LintSite): Finding[] {
  return [
    ...site.upstreams.flatMap((upstream) => [...longIdle(upstream), ...poolBeforeMethod(upstream)]),
    ...site.uses.flatMap((use) => [...noPool(use), ...unusedPool(site, use), ...smallBuffer(use)]),
  ]
}

function noPool({ upstream, location, pass }: LintUse): Finding[] {
  if (ownOf(upstream, 'keepalive') !== undefined) return []
  return [
    finding(pass, [upstream.block, location.directive], {
      rule: 'no-keepalive',
      severity: 'notice',
      message: `no keepalive in upstream "${upstream.name}": before nginx 1.29.7 each request opens a connection, which costs time and fails when the peer's queue is full`,
      advice: {
        nginx: 'keepalive 32; with proxy_http_version 1.1; and proxy_set_header Connection "";',
        evenkeel: 'connections are kept by default',
      },
    }),
  ]
}

function unusedPool({ directives }: LintSite, use: LintUse): Finding[] {
  const { upstream, levels, location, pass } = use
  const keepalive = ownOf(upstream, 'keepalive')
  if (keepalive === undefined || keepalive.args[0] === '0') return []
  const version = levels.one('proxy_http_version')
  const connection = levels
    .all('proxy_set_header')
    .find(({ args }) => args[0]?.toLowerCase() === 'connection')
  const missing = [
    ...(version?.args[0] === '1.1' ? [] : ['proxy_http_version 1.1;']),
    ...(closes(connection?.args[1] ?? 'close', directives)
      ? ['proxy_set_header Connection "";']
      : []),
  ]
  if (missing.length === 0) return []
  return [
    finding(pass, [upstream.block, location.directive], {
      rule: 'keepalive-without-effect',
      severity: 'warning',
      message: `keepalive of upstream "${upstream.name}" has no effect here before nginx 1.29.7: the peer is told to close each connection`,
      advice: {
        nginx: missing.join(' '),
        evenkeel: 'HTTP/1.1 is always spoken, and connections are kept',
      },
    }),
  ]
}

/** nginx's own guide to WebSockets has `map $http_upgrade $connection_upgrade { default upgrade; '' close; }`. */
function closes(value: string, directives: readonly Directive[]): boolean {
  if (value.toLowerCase() === 'close') return true
  const maps = topBlocks(directives, 'map').map(({ directive }) => directive)
  const map = maps.find(({ args }) => args[0] === '$http_upgrade' && args[1] === value)
  const entries = map?.block ?? []
  const plain =
    entries.find(({ name }) => name === '') ?? entries.find(({ name }) => name === 'default')
  return plain?.args[0]?.toLowerCase() === 'close'
}

/** A peer that closes first takes a request with it now and then. */
function longIdle(upstream: LintUpstream): Finding[] {
  const keepalive = ownOf(upstream, 'keepalive')
  const directive = ownOf(upstream, 'keepalive_timeout')
  const timeout = parseDuration(directive?.args[0] ?? '60s') ?? DEFAULT_IDLE
  if (keepalive === undefined || keepalive.args[0] === '0' || timeout <= USUAL_IDLE) return []
  return [
    finding(directive ?? keepalive, [upstream.block], {
      rule: 'keepalive-longer-than-the-peers',
      severity: timeout > DEFAULT_IDLE ? 'warning' : 'notice',
      message: `idle connections are kept for ${timeout / 1000} s. A peer that closes them sooner (Node after 5 s, gunicorn after 2 s) makes a request fail that goes out at that moment, and nginx counts that against it`,
      advice: {
        nginx: "keepalive_timeout shorter than the peers' own, for example 4s;",
        evenkeel:
          "the real limit of each peer is learnt; a stale connection is nobody's failure, and the request goes out again",
      },
    }),
  ]
}

/** The method that comes later takes the place of the pool (before nginx 1.29.7). */
function poolBeforeMethod(upstream: LintUpstream): Finding[] {
  const directives = upstream.block.block ?? []
  const pool = directives.findIndex(({ name }) => name === 'keepalive')
  const method = directives.findLast(
    ({ name }, at) => METHODS.has(name) && pool !== -1 && at > pool,
  )
  if (method === undefined) return []
  return [
    finding(method, [upstream.block], {
      rule: 'keepalive-before-method',
      severity: 'warning',
      message: `${method.name} stands after keepalive: "load balancing method redefined", and no connection is kept`,
      advice: { nginx: `${method.name} before keepalive`, evenkeel: 'the order does not matter' },
    }),
  ]
}

/** nginx's default is one page: a large cookie, or a Link field, is over it, and that counts as a failure of the peer. */
function smallBuffer({ upstream, levels, location, pass }: LintUse): Finding[] {
  const directive = levels.one('proxy_buffer_size')
  const size = parseSize(directive?.args[0] ?? '4k') ?? PAGE
  if (size > PAGE || upstream.primaries.length < 2) return []
  return [
    finding(directive ?? pass, [upstream.block, location.directive], {
      rule: 'header-buffer-of-one-page',
      severity: 'notice',
      message: `a response header of more than ${size / 1024} kB ("upstream sent too big header") counts as a failure of its peer, and is one at every peer`,
      advice: {
        nginx: 'proxy_buffer_size 16k; proxy_buffers 8 16k;',
        evenkeel: directive === undefined ? '16 kB by default' : 'taken as written: bufferSize',
      },
    }),
  ]
}

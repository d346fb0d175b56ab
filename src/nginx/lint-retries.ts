/** Rules about `proxy_next_upstream` and the marking of peers. */
import { parseDuration } from '../config/duration.js'
import type { Directive } from './conf.js'
import { finding } from './lint-finding.js'
import type { Finding } from './lint-finding.js'
import { ownOf } from './lint-site.js'
import type { LintPeer, LintSite, LintUpstream, LintUse } from './lint-site.js'

/** Statuses that count as failures where they are listed (`ngx_http_upstream_next`). */
const COUNTED = ['http_500', 'http_502', 'http_503', 'http_504', 'http_429']

/** So many peers are out within one `fail_timeout` by chance alone. */
const FEW = 8
const MANY = 4

export function retryRules(site: LintSite): Finding[] {
  return [
    ...site.uses.flatMap((use) => [
      ...applicationErrors(use, site),
      ...unlimitedTries(use),
      ...longProbe(use),
    ]),
    ...site.upstreams.flatMap((upstream) => [...downPeer(upstream), ...backups(upstream)]),
  ]
}

function conditionsOf({ levels }: LintUse): readonly string[] {
  const words = levels.all('proxy_next_upstream').flatMap(({ args }) => args)
  if (words.includes('off')) return []
  return words.length === 0 ? ['error', 'timeout'] : words
}

/** nginx counts in whole seconds: with `fail_timeout=0` a mark holds to the end of the second. */
function seconds(ms: number): string {
  return ms === 0 ? '1 s' : `${ms / 1000} s`
}

function windowOf(peers: readonly LintPeer[]): number {
  return Math.min(...peers.map(({ failTimeout }) => failTimeout))
}

/** The incident: so many errors of the application as there are peers, within `fail_timeout`, and nobody is left. */
function applicationErrors(use: LintUse, site: LintSite): Finding[] {
  const { upstream, levels, location, pass } = use
  const listed = conditionsOf(use).filter((word) => COUNTED.includes(word))
  const { inService } = upstream
  const marked = inService.filter(({ maxFails }) => maxFails > 0)
  const few = inService.length > 1 && inService.length <= FEW
  if (listed.length === 0 || !few || marked.length < inService.length) return []
  // The last try's response is the client's, and marks nobody (`ngx_http_upstream_test_next`).
  if (levels.one('proxy_next_upstream_tries')?.args[0] === '1') return []
  const fails = Math.max(...marked.map(({ maxFails }) => maxFails))
  const at = levels.one('proxy_next_upstream') ?? pass
  const alone = site.workers > 1 && ownOf(upstream, 'zone') === undefined
  const grave = listed.includes('http_500') || listed.includes('http_429')
  return [
    finding(at, [upstream.block, location.directive], {
      rule: 'application-errors-mark-peers',
      severity: grave && fails === 1 && windowOf(inService) > 0 ? 'danger' : 'warning',
      message: `${listed.join(' ')} in proxy_next_upstream: each such response of the application counts as a failure of its peer${howMany(marked, fails)}. ${outage(upstream, fails)}${alone ? ` Each of the ${site.workers} workers or more counts for itself (no zone), which makes the bunches longer.` : ''}`,
      advice: {
        nginx: `max_fails=0 for each server of "${upstream.name}", or proxy_next_upstream error timeout;${alone ? ` zone ${upstream.name} 64k;` : ''}`,
        evenkeel: `taken as written, and harmless: another peer is tried, but a status counts against nobody (failOn), and marks alone never make an outage (whenNoneLive: 'try'); but not with preset: 'nginx'`,
      },
    }),
  ]
}

function howMany(peers: readonly LintPeer[], fails: number): string {
  const [first] = peers
  const window = first === undefined ? '' : ` for ${seconds(first.failTimeout)}`
  return fails === 1 ? `, and one is enough to mark it${window} (max_fails=1)` : ''
}

function outage({ inService }: LintUpstream, fails: number): string {
  const count = inService.length * fails
  return `${count} of them within ${seconds(windowOf(inService))} take all ${inService.length} peers out: everybody gets 502 ("no live upstreams"), whatever they ask for.`
}

function unlimitedTries(use: LintUse): Finding[] {
  const { upstream, levels, location, pass } = use
  const tries = levels.one('proxy_next_upstream_tries')
  const timeout = levels.one('proxy_next_upstream_timeout')
  const unlimited =
    Number(tries?.args[0] ?? 0) === 0 && (parseDuration(timeout?.args[0] ?? '0') ?? 0) === 0
  if (!unlimited || upstream.primaries.length < MANY || conditionsOf(use).length === 0) return []
  return [
    finding(tries ?? pass, [upstream.block, location.directive], {
      rule: 'unlimited-tries',
      severity: 'warning',
      message: `a request that no peer can answer is tried at all ${upstream.primaries.length} of them${upstream.primaries.some(({ maxFails }) => maxFails > 0) ? ', and marks each' : ''}`,
      advice: {
        nginx: 'proxy_next_upstream_tries 2; proxy_next_upstream_timeout 10s;',
        evenkeel:
          tries === undefined
            ? '3 tries by default, and a retry budget'
            : 'taken as written; a retry budget bounds it',
      },
    }),
  ]
}

/** After `fail_timeout` one request per worker tries the peer, and nobody else until it is complete. */
function longProbe({ upstream, levels, location }: LintUse): Finding[] {
  const directive = levels.one('proxy_read_timeout')
  const timeout = parseDuration(directive?.args[0] ?? '') ?? 0
  const window = Math.min(
    ...upstream.primaries
      .filter(({ maxFails }) => maxFails > 0)
      .map(({ failTimeout }) => failTimeout),
  )
  if (directive === undefined || upstream.primaries.length < 2 || timeout <= window) return []
  return [
    finding(directive, [upstream.block, location.directive], {
      rule: 'probe-takes-long',
      severity: 'notice',
      message: `a marked peer comes back when one live request to it has been completed: with a proxy_read_timeout of ${seconds(timeout)} that can take so long, and not only the ${seconds(window)} of fail_timeout`,
      advice: {
        nginx:
          'a shorter proxy_read_timeout; a longer one in a location of its own for what needs it',
        evenkeel: "marked peers are probed in the background, at no request's cost",
      },
    }),
  ]
}

/** With one peer nginx never marks it; `down` ones count, and end that (`ngx_http_upstream_get_round_robin_peer`). */
function downPeer(upstream: LintUpstream): Finding[] {
  const down = upstream.peers.find((peer) => peer.down && !peer.backup)
  const [only] = upstream.primaries
  const backup = upstream.peers.some((peer) => peer.backup)
  if (down === undefined || only === undefined || upstream.primaries.length > 1 || backup) return []
  if (only.maxFails === 0) return []
  return [
    finding(down.directive, [upstream.block], {
      rule: 'down-peer-is-counted',
      severity: 'warning',
      message: `only ${text(only.directive)} is in service, but the peer that is down makes two of them: nginx never marks an only peer, and marks this one. Then there is nobody for ${seconds(only.failTimeout)}`,
      advice: {
        nginx: `take the server that is down out of the file, or max_fails=0 for the other`,
        evenkeel: "the only peer left is asked even when it is marked (whenNoneLive: 'try')",
      },
    }),
  ]
}

function text({ args }: Directive): string {
  return args[0] ?? ''
}

function backups(upstream: LintUpstream): Finding[] {
  const backup = upstream.peers.find((peer) => peer.backup)
  const method = ['hash', 'ip_hash', 'random'].find((name) => ownOf(upstream, name) !== undefined)
  if (backup === undefined || method === undefined) return []
  return [
    finding(backup.directive, [upstream.block], {
      rule: 'backup-is-ignored',
      severity: 'warning',
      message: `${method} knows no backups: where it stands before the servers nginx does not start, and behind them it is used only when no other can be`,
      advice: {
        nginx: 'least_conn or round robin, or no backup',
        evenkeel: 'the backup is left out: give it a tier of its own with another selector',
      },
    }),
  ]
}

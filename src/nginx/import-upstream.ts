/** An `upstream` block: the peers, the selector, the pool and the rest of the group. */
import { suggest } from '../config/suggest.js'
import type { Directive } from './conf.js'
import { asCount, asFlagless, asTime, timeOf } from './import-arguments.js'
import type { ImportDraft } from './import-draft.js'
import { importPeer } from './import-peer.js'
import { importSelector, METHODS } from './import-selector.js'
import type { ValueMap } from './import-value.js'
import { importSticky } from './import-sticky.js'

type Import = (draft: ImportDraft, directive: Directive) => void

const DIRECTIVES: ReadonlyMap<string, Import> = new Map<string, Import>([
  ['keepalive', importKeepalive],
  ['keepalive_timeout', (draft, directive) => asTime(draft, directive, ['keepalive', 'timeout'])],
  ['keepalive_time', (draft, directive) => asTime(draft, directive, ['keepalive', 'time'])],
  [
    'keepalive_requests',
    (draft, directive) => asCount(draft, directive, ['keepalive', 'requests'], 1),
  ],
  ['queue', importQueue],
  ['sticky', importSticky],
  ['zone', importZone],
  [
    'state',
    (draft, directive) =>
      draft.leave(
        directive,
        'the list of peers is not kept in a file',
        'upstream: fromFile(…) of evenkeel/discovery',
      ),
  ],
  ['resolver', leaveResolver],
  ['resolver_timeout', leaveResolver],
  [
    'ntlm',
    (draft, directive) =>
      draft.leave(directive, 'connections belong to no client', 'nothing: NTLM does not work'),
  ],
])

/** Of other builds of nginx, and of NGINX Plus before it had other words. */
const FOREIGN: ReadonlySet<string> = new Set([
  'fair',
  'check',
  'check_http_send',
  'consistent_hash',
])

export interface UpstreamContext {
  readonly scheme: 'http' | 'https'
}

export function importUpstream(
  draft: ImportDraft,
  block: Directive,
  { scheme }: UpstreamContext,
): void {
  const [name = ''] = block.args
  const directives = block.block ?? []
  draft.set(block, ['name'], name)
  importMethods(draft, directives)
  const chosenByPlace = directives.some(({ name }) => BY_PLACE.has(name))
  const peers = directives
    .filter((directive) => directive.name === 'server')
    .flatMap((directive) => importPeer(draft, directive, { scheme, chosenByPlace }) ?? [])
  draft.put(['upstream'], peers)
  sayHeavyRing(draft, directives, peers)
  if (peers.length === 0) draft.wrong(block, `no servers are inside upstream "${name}"`)
  const seen = new Set<string>()
  for (const directive of directives) {
    if (seen.has(directive.name) && DIRECTIVES.has(directive.name)) {
      draft.wrong(directive, `"${directive.name}" directive is duplicate`)
    } else DIRECTIVES.get(directive.name)?.(draft, directive)
    seen.add(directive.name)
    if (!draft.isHandled(directive)) sayUnknown(draft, directive)
  }
}

/** A ring has 160 points for each unit of weight (`config/selector.ts`). */
const HEAVIEST_RING = 100_000

function sayHeavyRing(
  draft: ImportDraft,
  directives: readonly Directive[],
  peers: readonly ValueMap[],
): void {
  const weights = peers.map((peer) => Number(peer.get('weight') ?? 1))
  const hash = directives.findLast(({ name, args }) => name === 'hash' && args[1] !== undefined)
  if (hash === undefined || weights.reduce((sum, weight) => sum + weight, 0) <= HEAVIEST_RING)
    return
  draft.leave(
    hash,
    'the weights are too large for a ring',
    'smaller weights in the same proportion',
  )
  draft.options.delete('selector')
}

/** nginx's flags of these methods have no `NGX_HTTP_UPSTREAM_BACKUP`. */
const BY_PLACE: ReadonlySet<string> = new Set(['hash', 'ip_hash', 'random'])

/** The last one is used, and nginx warns of the others. */
function importMethods(draft: ImportDraft, directives: readonly Directive[]): void {
  const methods = directives.filter(({ name }) => METHODS.has(name))
  for (const directive of methods.slice(0, -1)) {
    draft.wrong(directive, 'load balancing method redefined: the last one is used')
  }
  const last = methods.at(-1)
  if (last !== undefined) importSelector(draft, last)
}

function sayUnknown(draft: ImportDraft, directive: Directive): void {
  const { name } = directive
  if (name.includes('_by_lua')) {
    draft.leave(directive, 'code for another server is not run', 'selector: a function')
  } else if (FOREIGN.has(name) || name.startsWith('check_')) {
    draft.leave(
      directive,
      'a directive of a third-party module',
      name === 'fair' ? "selector: 'least_conn'" : 'healthCheck',
    )
  } else {
    const words = [...DIRECTIVES.keys(), ...METHODS, 'server']
    draft.wrong(directive, `unknown directive "${name}"${suggest(name, words)}`)
  }
}

function importKeepalive(draft: ImportDraft, directive: Directive): void {
  const [count = '', local, ...more] = directive.args
  if (count === '' || more.length > 0) {
    draft.wrong(directive, 'invalid number of arguments in "keepalive" directive')
  } else if (!/^\d{1,9}$/.test(count)) {
    draft.wrong(directive, `invalid value "${count}" in "keepalive" directive`)
  } else if (local !== undefined && local !== 'local') {
    draft.wrong(directive, `invalid parameter "${local}"`)
  } else draft.set(directive, ['keepalive', 'connections'], Number(count))
}

/** nginx Plus: `queue number [timeout=time]`, of which the time is 60 s. */
function importQueue(draft: ImportDraft, directive: Directive): void {
  const [size = '', timeout] = directive.args
  const time = timeout?.startsWith('timeout=') === true ? timeout.slice(8) : undefined
  if (!/^\d{1,9}$/.test(size)) {
    draft.wrong(directive, `invalid value "${size}" in "queue" directive`)
  } else if (timeout !== undefined && (time === undefined || timeOf(time) === undefined)) {
    draft.wrong(directive, `invalid parameter "${timeout}"`)
  } else {
    draft.set(directive, ['queue', 'size'], Number(size))
    draft.put(['queue', 'timeout'], timeOf(time ?? '60s') ?? '60s')
  }
}

function importZone(draft: ImportDraft, directive: Directive): void {
  const [name = ''] = directive.args
  if (name === '') asFlagless(draft, directive)
  else if (!/^\P{Cc}{1,256}$/u.test(name)) {
    draft.leave(directive, 'that is no name for a zone', 'zone: another name')
  } else {
    draft.put(['zone'], name)
    draft.take(directive, 'zone, with shareZones() of evenkeel/cluster in the primary')
  }
}

function leaveResolver(draft: ImportDraft, directive: Directive): void {
  draft.leave(
    directive,
    "names are looked up by the system's resolver",
    'upstream: fromDns(name, { servers: […] }) of evenkeel/discovery',
  )
}

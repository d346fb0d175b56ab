/** Directives of a location that are one option each. */
import { isIP } from 'node:net'
import type { Directive } from './conf.js'
import { CONDITIONS } from '../next-upstream/condition.js'
import { parsePeerAddress } from '../config/peer-address.js'
import { parseSize } from '../config/size.js'
import { suggest } from '../config/suggest.js'
import {
  asCount,
  asFlagless,
  asSize,
  asTime,
  flagOf,
  hasVariable,
  leaveVariable,
  only,
} from './import-arguments.js'
import type { ImportDraft } from './import-draft.js'
import type { Value } from './import-value.js'
import type { Levels } from './levels.js'

type Import = (draft: ImportDraft, directive: Directive) => void

const time =
  (path: string, zero: 'zero allowed' | 'more than zero'): Import =>
  (draft, directive) =>
    asTime(draft, directive, path.split('.'), zero)
const size =
  (path: string, zero: 'zero allowed' | 'more than zero' = 'zero allowed'): Import =>
  (draft, directive) =>
    asSize(draft, directive, [path], zero)

/** `on` and `off` as values of an option; undefined: nothing is to be set. */
function flag(path: string, values: { on?: boolean | string; off?: boolean | string }): Import {
  return (draft, directive) => {
    const given = flagOf(draft, directive)
    if (given === undefined) return
    const value = values[given]
    if (value === undefined) draft.take(directive, `${path}: the default`)
    else draft.set(directive, [path], value)
  }
}

const always =
  (what: string): Import =>
  (draft, directive) =>
    draft.take(directive, what)

/** Those that nginx allows once a level. */
const DIRECTIVES: ReadonlyMap<string, Import> = new Map<string, Import>([
  ['client_body_buffer_size', size('bodyBuffer')],
  ['client_max_body_size', size('maxBody')],
  ['limit_rate', size('limitRate')],
  ['proxy_bind', importBind],
  ['proxy_buffer_size', size('bufferSize', 'more than zero')],
  ['proxy_buffering', flag('buffering', { on: 'on', off: 'off' })],
  ['proxy_buffers', importBuffers],
  ['proxy_connect_timeout', time('connectTimeout', 'more than zero')],
  ['proxy_http_version', importHttpVersion],
  ['proxy_ignore_client_abort', flag('ignoreClientAbort', { on: true, off: false })],
  ['proxy_intercept_errors', importIntercept],
  ['proxy_limit_rate', importProxyLimitRate],
  ['proxy_max_temp_file_size', size('maxTempFile')],
  ['proxy_next_upstream_timeout', time('nextUpstream.timeout', 'zero allowed')],
  [
    'proxy_next_upstream_tries',
    (draft, directive) => asCount(draft, directive, ['nextUpstream', 'tries']),
  ],
  ['proxy_read_timeout', time('readTimeout', 'more than zero')],
  ['proxy_request_buffering', flag('requestBuffering', { on: 'full', off: 'off' })],
  ['proxy_send_timeout', time('sendTimeout', 'more than zero')],
  ['proxy_socket_keepalive', always('always on')],
  ['proxy_temp_path', importTempPath],
])

export const SIMPLE_PROXY_DIRECTIVES: readonly string[] = [...DIRECTIVES.keys()]

export function importProxy(draft: ImportDraft, levels: Levels): void {
  for (const [name, importOne] of DIRECTIVES) {
    const directive = levels.one(name)
    if (directive !== undefined) importOne(draft, directive)
  }
  importNextUpstream(draft, levels)
}

/** Words of several directives on one level are added up (`ngx_conf_set_bitmask_slot`). */
function importNextUpstream(draft: ImportDraft, levels: Levels): void {
  const directives = levels.all('proxy_next_upstream')
  const words = new Set<string>()
  for (const directive of directives) {
    if (directive.args.length === 0) asFlagless(draft, directive)
    for (const word of directive.args) {
      if (CONDITIONS.some((known) => known === word)) words.add(word)
      else draft.wrong(directive, `invalid value "${word}"${suggest(word, CONDITIONS)}`)
    }
  }
  const [first] = directives
  if (first === undefined || words.size === 0) return
  const off = words.has('off') || [...words].every((word) => word === 'non_idempotent')
  draft.set(first, ['nextUpstream', 'on'], off ? ['off'] : [...words])
  for (const other of directives.slice(1)) draft.take(other, 'nextUpstream.on')
}

/** nginx's holds for upgraded connections as well: what was made longer for WebSockets is meant for them. */
export function importTunnelTimeout(draft: ImportDraft, levels: Levels): void {
  const directive = levels.one('proxy_read_timeout')
  const timeout = draft.get('readTimeout')
  if (directive !== undefined && timeout !== undefined)
    draft.set(directive, ['tunnelTimeout'], timeout)
}

function importBind(draft: ImportDraft, directive: Directive): void {
  const [address = '', transparent] = directive.args
  if (address === 'off') draft.take(directive, "bind: the system's choice")
  else if (hasVariable(address) || transparent !== undefined) {
    draft.leave(
      directive,
      "connections do not go out from the client's address",
      'bind: an address of this machine',
    )
  } else {
    const bare = isIP(address) === 0 ? address.replace(/:\d+$/, '') : address
    const bind = bare.replace(/^\[(.*)\]$/, '$1')
    if (isIP(bind) === 0) draft.wrong(directive, `invalid address "${address}"`)
    else if (hasOtherFamily(draft, bind)) {
      draft.leave(
        directive,
        'a peer has an address of the other family',
        'bind: an address of the same',
      )
    } else draft.set(directive, ['bind'], bind)
  }
}

function hasOtherFamily(draft: ImportDraft, bind: string): boolean {
  const peers = draft.get('upstream')
  return (Array.isArray(peers) ? peers : []).some((peer: Value) => {
    const url = peer instanceof Map ? peer.get('url') : ''
    const address = typeof url === 'string' ? parsePeerAddress(url) : ''
    const family = typeof address === 'string' ? 0 : isIP(address.hostname)
    return family !== 0 && family !== isIP(bind)
  })
}

function importBuffers(draft: ImportDraft, directive: Directive): void {
  const [number = '', each = ''] = directive.args
  const bytes = parseSize(each)
  if (directive.args.length !== 2) asFlagless(draft, directive)
  else if (
    !/^\d{1,6}$/.test(number) ||
    Number(number) === 0 ||
    bytes === undefined ||
    bytes === 0
  ) {
    draft.wrong(directive, '"proxy_buffers" directive invalid value')
  } else draft.set(directive, ['buffers'], Number(number) * bytes)
}

function importHttpVersion(draft: ImportDraft, directive: Directive): void {
  const version = only(draft, directive)
  if (version === undefined) return
  if (version === '1.1') draft.take(directive, 'HTTP/1.1 is always spoken to peers')
  else if (version === '1.0' || version === '2') {
    draft.leave(
      directive,
      'peers are spoken to in HTTP/1.1',
      'nothing: servers of HTTP/1.0 understand it',
    )
  } else draft.wrong(directive, `invalid value "${version}"`)
}

function importIntercept(draft: ImportDraft, directive: Directive): void {
  const given = flagOf(draft, directive)
  if (given === 'off') draft.take(directive, 'interceptErrors: the default')
  if (given === 'on') {
    draft.leave(
      directive,
      "responses of 400 or more go to the client as they are, in place of nginx's error_page",
      'interceptErrors: (head, { response }) => …, which answers and returns true',
    )
  }
}

function importProxyLimitRate(draft: ImportDraft, directive: Directive): void {
  if (draft.get('limitRate') !== undefined) {
    draft.leave(directive, 'limitRate is set by limit_rate', 'the lower one of them as limitRate')
  } else asSize(draft, directive, ['limitRate'])
}

function importTempPath(draft: ImportDraft, directive: Directive): void {
  const [path = ''] = directive.args
  if (hasVariable(path)) leaveVariable(draft, directive)
  else if (path.startsWith('/')) draft.set(directive, ['tempPath'], path)
  else
    draft.leave(
      directive,
      'the path is relative to where nginx stands',
      'tempPath: an absolute path',
    )
}

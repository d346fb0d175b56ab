/** `server` of an upstream: a peer. */
import { isIP } from 'node:net'
import { parsePeerAddress } from '../config/peer-address.js'
import { suggest } from '../config/suggest.js'
import type { Directive } from './conf.js'
import { isCount, timeOf } from './import-arguments.js'
import type { ImportDraft } from './import-draft.js'
import type { Value, ValueMap } from './import-value.js'

const NAMES = [
  ...['weight', 'max_conns', 'max_fails', 'fail_timeout', 'backup', 'down', 'drain', 'resolve'],
  ...['service', 'slow_start', 'route'],
]

/** What surrounds the peers. */
export interface PeerContext {
  readonly scheme: 'http' | 'https'
  /** The method is `hash`, `ip_hash` or `random`: it has no backups and no slow start. */
  readonly chosenByPlace: boolean
}

/** The options of the peer, or undefined when the directive is wrong. */
export function importPeer(
  draft: ImportDraft,
  directive: Directive,
  context: PeerContext,
): ValueMap | undefined {
  const [address = '', ...parameters] = directive.args
  if (directive.args.length === 0) {
    draft.wrong(directive, 'invalid number of arguments in "server" directive')
    return undefined
  }
  const url = peerUrl(address, context.scheme)
  if (url === undefined) {
    draft.wrong(directive, `invalid host in upstream "${address}"`)
    return undefined
  }
  const peer: ValueMap = new Map([['url', url]])
  const wrong = parameters.filter((parameter) => !readParameter(peer, parameter, context))
  for (const parameter of wrong) draft.wrong(directive, messageFor(parameter, context))
  draft.take(directive, 'upstream')
  if (context.scheme === 'https' && address.startsWith('unix:')) {
    draft.leave(directive, 'peers on unix sockets are spoken to without TLS', 'a port, or http')
  }
  sayNames(draft, directive, parameters)
  return peer
}

function peerUrl(address: string, scheme: 'http' | 'https'): string | undefined {
  // nginx's default port here is 80, whatever the scheme of proxy_pass.
  const port = scheme === 'https' && !hasPort(address) ? ':80' : ''
  const url = address.startsWith('unix:') ? address : `${scheme}://${address}${port}`
  const parsed = parsePeerAddress(url)
  if (typeof parsed === 'string' || address.endsWith('/')) return undefined
  return url
}

function hasPort(address: string): boolean {
  return /:\d+$/.test(address.replace(/^\[[^\]]*\]/, ''))
}

/** False when it is not one that nginx takes. */
function readParameter(peer: ValueMap, parameter: string, context: PeerContext): boolean {
  const equals = parameter.indexOf('=')
  const name = equals === -1 ? parameter : parameter.slice(0, equals)
  const value = equals === -1 ? undefined : parameter.slice(equals + 1)
  const option = value === undefined ? flagOf(name, context) : settingOf(name, value, context)
  if (option === undefined) return false
  if (option[1] !== undefined) peer.set(option[0], option[1])
  return true
}

type Option = readonly [name: string, value: Value | undefined]

function flagOf(name: string, { chosenByPlace }: PeerContext): Option | undefined {
  switch (name) {
    case 'backup':
      return chosenByPlace ? undefined : [name, true]
    case 'down':
    case 'drain':
      return [name, true]
    case 'resolve':
      return [name, undefined]
    default:
      return undefined
  }
}

function settingOf(
  name: string,
  value: string,
  { chosenByPlace }: PeerContext,
): Option | undefined {
  switch (name) {
    case 'weight':
      return isCount(value) && Number(value) > 0 ? [name, Number(value)] : undefined
    case 'max_conns':
      return isCount(value) ? ['maxConns', Number(value)] : undefined
    case 'max_fails':
      return isCount(value) ? ['maxFails', Number(value)] : undefined
    case 'fail_timeout':
      return inSeconds('failTimeout', value)
    case 'slow_start':
      return chosenByPlace ? undefined : inSeconds('slowStart', value)
    case 'route':
      return value === '' ? undefined : ['labels', new Map([['route', value]])]
    case 'service':
      return value === '' ? undefined : [name, undefined]
    default:
      return undefined
  }
}

/** `ngx_parse_time` in seconds has no milliseconds. */
function inSeconds(name: string, text: string): Option | undefined {
  const time = text.includes('ms') ? undefined : timeOf(text)
  return time === undefined ? undefined : [name, time]
}

function messageFor(parameter: string, context: PeerContext): string {
  const name = parameter.split('=', 1)[0] ?? ''
  if (context.chosenByPlace && (parameter === 'backup' || name === 'slow_start')) {
    return `balancing method does not support parameter "${name}"`
  }
  // `server_fail_timeout=10s` is an invention of a guide that many have copied.
  const hint = NAMES.includes(name) ? '' : suggest(name.replace(/^server_/, ''), NAMES)
  return `invalid parameter "${parameter}"${hint}`
}

/** What a name means is another matter in nginx. */
function sayNames(draft: ImportDraft, directive: Directive, parameters: readonly string[]): void {
  const [address = ''] = directive.args
  const name = address.replace(/:\d+$/, '')
  if (address.startsWith('unix:') || address.startsWith('[') || isIP(name) !== 0) return
  const service = parameters.find((each) => each.startsWith('service='))
  if (parameters.includes('resolve')) {
    const source =
      service === undefined
        ? `upstream: fromDns('${address}')`
        : `upstream: fromSrv('_${service.slice(8)}._tcp.${name}')`
    draft.leave(
      directive,
      'the name is one peer, and looked up for each new connection: its addresses do not become peers of their own',
      `${source} of evenkeel/discovery`,
    )
    return
  }
  draft.leave(
    directive,
    'nginx looks a name up when it starts, and makes a peer of each address; here it is one peer, looked up for each new connection',
    `nothing where the name has one address; else upstream: fromDns('${address}') of evenkeel/discovery`,
  )
}

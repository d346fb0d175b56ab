/** What a configuration says of upstreams, of how they are used, and of logs. Inheritance is nginx's. */
import { parseDuration } from '../config/duration.js'
import { parseSize } from '../config/size.js'
import type { Directive } from '../nginx/conf.js'
import { COMBINED } from '../observe/log-format.js'
import type { LogEscape } from './escapes.js'

export interface ServerFacts {
  /** As logs have it: with a port. */
  readonly address: string
  /** A name, so that the logs have addresses which are not in the configuration. */
  readonly isName: boolean
  readonly maxFails: number
  /** Milliseconds. */
  readonly failTimeout: number
  readonly maxConns: number
  readonly backup: boolean
  readonly down: boolean
}

export interface UpstreamFacts {
  readonly name: string
  readonly servers: readonly ServerFacts[]
  /** Idle connections kept; 0: none. */
  readonly keepalive: number
  /** Milliseconds. */
  readonly keepaliveTimeout: number
  /** State is shared by the workers. */
  readonly zone: boolean
  readonly file: string
  readonly line: number
}

/** A `proxy_pass` with all that applies there. Times in milliseconds. */
export interface ProxyFacts {
  /** Name of the upstream, or what stands there in place of one. */
  readonly upstream: string
  readonly tls: boolean
  readonly location: string
  readonly nextUpstream: readonly string[]
  readonly connectTimeout: number
  readonly sendTimeout: number
  readonly readTimeout: number
  /** Bytes. */
  readonly bufferSize: number
  /** Idle connections are kept only so: HTTP/1.1, and no `Connection: close`. */
  readonly mayKeepAlive: boolean
  readonly sslName: string | undefined
  readonly sslVerify: boolean
  readonly file: string
  readonly line: number
}

interface LogFacts {
  readonly file: string
  readonly format: string
  readonly escape: LogEscape
  /** Milliseconds for which lines may be held back (`buffer=`, `flush=`). */
  readonly heldBack: number
}

export interface ConfFacts {
  readonly upstreams: readonly UpstreamFacts[]
  readonly proxies: readonly ProxyFacts[]
  /** 0 for `auto`. */
  readonly workerProcesses: number
  readonly workerConnections: number
  readonly formats: ReadonlyMap<string, { readonly format: string; readonly escape: LogEscape }>
  readonly accessLogs: readonly LogFacts[]
  readonly errorLogs: readonly string[]
}

/** The simple directives that apply in a block: of each name those of the innermost level that has any. */
type Scope = ReadonlyMap<string, readonly Directive[]>

interface Collected {
  readonly upstreams: UpstreamFacts[]
  readonly proxies: ProxyFacts[]
  readonly formats: Map<string, { format: string; escape: LogEscape }>
  readonly logs: Directive[]
  readonly errorLogs: Set<string>
}

/** @throws nothing: what it does not understand has nginx's default. */
export function factsOf(directives: readonly Directive[]): ConfFacts {
  const found: Collected = {
    upstreams: [],
    proxies: [],
    formats: new Map([['combined', { format: COMBINED, escape: 'default' }]]),
    logs: [],
    errorLogs: new Set(),
  }
  walk(directives, new Map(), '', found)
  const events = directives.find(({ name }) => name === 'events')?.block ?? []
  return {
    upstreams: found.upstreams,
    proxies: found.proxies,
    workerProcesses: count(argument(directives, 'worker_processes'), 1),
    workerConnections: count(argument(events, 'worker_connections'), 512),
    formats: found.formats,
    accessLogs: accessLogs(found),
    errorLogs: [...found.errorLogs],
  }
}

function walk(block: readonly Directive[], outer: Scope, where: string, found: Collected): void {
  const scope = inherit(outer, block)
  for (const directive of block) {
    if (directive.block !== undefined) enter(directive, directive.block, scope, where, found)
    else if (directive.name === 'log_format') addFormat(directive, found)
    else if (directive.name === 'access_log') found.logs.push(directive)
    else if (directive.name === 'error_log') addErrorLog(directive, found)
    else if (directive.name === 'proxy_pass') found.proxies.push(proxyOf(directive, scope, where))
  }
}

function enter(
  { name, args, file, line }: Directive,
  block: readonly Directive[],
  scope: Scope,
  where: string,
  found: Collected,
): void {
  if (name === 'upstream') found.upstreams.push(upstreamOf(args[0] ?? '', block, file, line))
  else if (BLOCKS.has(name)) walk(block, scope, name === 'location' ? args.join(' ') : where, found)
}

const BLOCKS = new Set(['http', 'server', 'location', 'if', 'limit_except'])

function inherit(outer: Scope, block: readonly Directive[]): Scope {
  const own = new Map<string, Directive[]>()
  for (const directive of block) {
    if (directive.block !== undefined) continue
    const list = own.get(directive.name)
    if (list === undefined) own.set(directive.name, [directive])
    else list.push(directive)
  }
  return new Map([...outer, ...own])
}

function addFormat({ args }: Directive, found: Collected): void {
  const [name = '', ...rest] = args
  const escape = rest[0]?.startsWith('escape=') === true ? rest.shift()?.slice(7) : undefined
  found.formats.set(name, {
    format: rest.join(''),
    escape: escape === 'json' || escape === 'none' ? escape : 'default',
  })
}

const isFile = (name: string): boolean =>
  name !== '' &&
  name !== 'off' &&
  !/^(?:syslog:|memory:|stderr$|\/dev\/)/.test(name) &&
  !name.includes('$')

function addErrorLog({ args }: Directive, found: Collected): void {
  const [file = ''] = args
  if (isFile(file)) found.errorLogs.add(file)
}

function accessLogs(found: Collected): LogFacts[] {
  const logs = new Map<string, LogFacts>()
  for (const { args } of found.logs) {
    const [file = '', ...rest] = args
    const name = rest.find((arg) => !/^(?:buffer|gzip|flush|if)(?:=|$)/.test(arg)) ?? 'combined'
    const format = found.formats.get(name)
    if (!isFile(file) || format === undefined) continue
    const flush = rest.find((arg) => arg.startsWith('flush='))?.slice(6)
    const held = rest.some((arg) => arg.startsWith('buffer=')) ? 60_000 : 0
    logs.set(file, {
      file,
      ...format,
      heldBack: flush === undefined ? held : (parseDuration(flush) ?? held),
    })
  }
  return [...logs.values()]
}

function argument(block: readonly Directive[], name: string): string | undefined {
  return block.findLast((directive) => directive.name === name)?.args[0]
}

function count(text: string | undefined, byDefault: number): number {
  if (text === undefined) return byDefault
  return /^\d{1,9}$/.test(text) ? Number(text) : 0
}

function upstreamOf(
  name: string,
  block: readonly Directive[],
  file: string,
  line: number,
): UpstreamFacts {
  return {
    name,
    servers: block.filter((directive) => directive.name === 'server').map(serverOf),
    keepalive: count(argument(block, 'keepalive'), 0),
    keepaliveTimeout: parseDuration(argument(block, 'keepalive_timeout') ?? '60s') ?? 60_000,
    zone: argument(block, 'zone') !== undefined,
    file,
    line,
  }
}

function serverOf({ args }: Directive): ServerFacts {
  const [address = '', ...rest] = args
  const parameter = (key: string): string | undefined =>
    rest.findLast((arg) => arg.startsWith(`${key}=`))?.slice(key.length + 1)
  return {
    address: withPort(address, 80),
    isName: !isIpAddress(address),
    maxFails: count(parameter('max_fails'), 1),
    failTimeout: parseDuration(parameter('fail_timeout') ?? '10s') ?? 10_000,
    maxConns: count(parameter('max_conns'), 0),
    backup: rest.includes('backup'),
    down: rest.includes('down'),
  }
}

/** `10.0.0.1` → `10.0.0.1:80`, as nginx names it in its logs. */
export function withPort(address: string, port: number): string {
  if (address.startsWith('unix:') || /:\d+$/.test(address.replace(/^\[.*\]/, ''))) return address
  return `${address}:${port}`
}

/** A peer as logs have it, rather than a name: an IP address with or without a port, or a unix socket. */
export function isIpAddress(address: string): boolean {
  return /^(?:\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?$|\[[0-9a-fA-F:.]+\]|unix:)/.test(address)
}

function proxyOf(directive: Directive, scope: Scope, where: string): ProxyFacts {
  const { file, line, args } = directive
  const [, scheme, authority = ''] = /^(https?):\/\/(unix:[^:]+|[^/?]*)/.exec(args[0] ?? '') ?? []
  const value = (name: string): string | undefined => scope.get(name)?.at(-1)?.args[0]
  const time = (name: string): number => parseDuration(value(name) ?? '60s') ?? 60_000
  const next = scope.get('proxy_next_upstream')?.at(-1)?.args ?? ['error', 'timeout']
  return {
    upstream: authority,
    tls: scheme === 'https',
    location: where,
    nextUpstream: next,
    connectTimeout: time('proxy_connect_timeout'),
    sendTimeout: time('proxy_send_timeout'),
    readTimeout: time('proxy_read_timeout'),
    bufferSize: parseSize(value('proxy_buffer_size') ?? '4k') ?? 4096,
    mayKeepAlive: value('proxy_http_version') === '1.1' && connectionHeader(scope) === '',
    sslName: value('proxy_ssl_name'),
    sslVerify: value('proxy_ssl_verify') === 'on',
    file,
    line,
  }
}

function connectionHeader(scope: Scope): string | undefined {
  const fields = scope.get('proxy_set_header') ?? []
  return fields.findLast(({ args }) => args[0]?.toLowerCase() === 'connection')?.args[1]
}

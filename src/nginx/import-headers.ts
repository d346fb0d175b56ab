/** Header fields: `proxy_set_header`, `add_header`, `proxy_hide_header`, `proxy_pass_header`. */
import { isConnectionField, isFieldValue, isSecretField, isToken } from '../message/field-rules.js'
import type { Directive } from './conf.js'
import { asFlagless, hasVariable } from './import-arguments.js'
import type { ImportDraft } from './import-draft.js'
import { Call, SecretText } from './import-value.js'
import type { Value } from './import-value.js'
import type { Levels } from './levels.js'
import { nginxAddHeader, nginxText, unknownInText } from './nginx-text.js'
import type { KnownVariables } from './variables.js'

/** What each forwarded field is by default: a directive that says the same says nothing new. */
const FORWARDED: ReadonlyMap<string, readonly string[]> = new Map([
  ['x-real-ip', ['$remote_addr']],
  ['x-forwarded-for', ['$remote_addr', '$proxy_add_x_forwarded_for']],
  ['x-forwarded-proto', ['$scheme']],
  ['x-forwarded-host', ['$host', '$http_host', '$host:$server_port']],
  ['x-forwarded-port', ['$server_port']],
])

/** What the fields are made of. */
export interface HeaderContext {
  readonly levels: Levels
  readonly variables: KnownVariables
}

export interface RequestHeaderFindings {
  readonly sendsForwarded: boolean
  readonly upgrades: boolean
  readonly setsHost: boolean
  /** The directive that passes on what the client claims of its address. */
  readonly appends: Directive | undefined
}

export function importRequestHeaders(
  draft: ImportDraft,
  { levels, variables }: HeaderContext,
): RequestHeaderFindings {
  const directives = levels.all('proxy_set_header')
  const fields = new Map<string, { name: string; lines: string[]; directives: Directive[] }>()
  let sendsForwarded = false
  let upgrades = false
  let setsHost = false
  let appends: Directive | undefined
  for (const directive of directives) {
    const [name = '', value = ''] = directive.args
    if (directive.args.length !== 2 || !isToken(name)) {
      if (directive.args.length !== 2) asFlagless(draft, directive)
      else draft.wrong(directive, `invalid name of a header field "${name}"`)
      continue
    }
    const key = name.toLowerCase()
    if (key === 'upgrade') upgrades = true
    if (FORWARDED.has(key)) sendsForwarded = true
    if (key === 'host') {
      setsHost = true
      importHost(draft, directive, variables)
    } else if (isConnectionField(name)) sayConnection(draft, directive)
    else if (FORWARDED.get(key)?.includes(normal(value)) === true) {
      if (value.includes('proxy_add_x_forwarded_for')) appends = directive
      draft.take(directive, `forwarded: ${name} is sent`)
    } else {
      const field = fields.get(key) ?? { name, lines: [], directives: [] }
      field.lines.push(variables.expand(value))
      field.directives.push(directive)
      fields.set(key, field)
    }
  }
  const removed: string[] = []
  const behindProxy = isBehindProxy(levels)
  for (const field of fields.values()) importField(draft, { ...field, behindProxy }, removed)
  if (removed.length > 0) draft.put(['requestHeaders', 'remove'], removed)
  return { sendsForwarded, upgrades, setsHost, appends }
}

/** `${host}` is `$host`. */
function normal(value: string): string {
  return value.replace(/\$\{(\w+)\}/g, '$$$1')
}

function importHost(draft: ImportDraft, directive: Directive, variables: KnownVariables): void {
  const value = normal(variables.expand(directive.args[1] ?? ''))
  if (value === '$host' || value === '$http_host' || value === '$host:$server_port') {
    draft.set(directive, ['host'], 'client')
  } else if (hasVariable(value)) {
    draft.leave(
      directive,
      "the client's Host goes on",
      "host: a text, or onUpstreamRequest: (head) => head.headers.set('Host', …)",
    )
  } else if (HOST.test(value)) draft.set(directive, ['host'], value)
  else draft.leave(directive, 'that is no name of a host', "host: 'client', 'peer' or a name")
}

const HOST = /^(\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(:\d*)?$/i

function sayConnection(draft: ImportDraft, directive: Directive): void {
  const [name = '', value = ''] = directive.args
  const key = name.toLowerCase()
  if (key === 'upgrade') draft.take(directive, "server.on('upgrade', balancer.upgrade)")
  else if (key === 'connection' && value.toLowerCase() !== 'close') {
    draft.take(directive, 'connections are kept, and upgraded where the client asks for it')
  } else {
    draft.leave(
      directive,
      'framing and connections are not for options to say',
      key === 'connection' ? 'keepalive: { connections: 0 }' : 'nothing',
    )
  }
}

function importField(
  draft: ImportDraft,
  {
    name,
    lines,
    directives,
    behindProxy,
  }: { name: string; lines: string[]; directives: Directive[]; behindProxy: boolean },
  removed: string[],
): void {
  const [first] = directives
  if (first === undefined) return
  const path = ['requestHeaders', 'set', name]
  const given = lines.filter((line) => line !== '')
  if (given.length === 0) {
    removed.push(name)
    for (const directive of directives) draft.take(directive, 'requestHeaders.remove')
    return
  }
  const value = secretIn(name, given) ?? valueOf(given, 'nginxText', behindProxy)
  if (value === undefined) leaveValue(draft, directives, given, 'onUpstreamRequest')
  else {
    draft.put(path, value)
    for (const directive of directives) draft.take(directive, path.join('.'))
  }
}

/** A key or a password that is written in the file. */
function secretIn(name: string, [line = '', ...more]: readonly string[]): Value | undefined {
  const secret =
    isSecretField(name) && more.length === 0 && !hasVariable(line) && isFieldValue(line)
  return secret ? new SecretText(name, line) : undefined
}

/** Undefined where nobody but nginx knows a variable, or a text is none that a field may hold. */
function valueOf(
  lines: readonly string[],
  call: 'nginxText' | 'nginxAddHeader',
  behindProxy: boolean,
): Value | undefined {
  if (behindProxy && lines.some((line) => CLIENT_ADDRESS.test(line))) return undefined
  if (!lines.every(isFieldValue) || lines.some((line) => isUnknown(line))) return undefined
  const [only = ''] = lines
  if (call === 'nginxText' && !lines.some(hasVariable)) return lines.length === 1 ? only : lines
  return new Call(call, lines, (call === 'nginxText' ? nginxText : nginxAddHeader)(...lines))
}

/** Then these are what the proxy in front says of the client, and the texts know the connection only. */
function isBehindProxy(levels: Levels): boolean {
  return levels.all('set_real_ip_from').length > 0
}

const CLIENT_ADDRESS = /\$\{?(remote_addr|remote_port|proxy_add_x_forwarded_for)\b/i

function isUnknown(line: string): boolean {
  try {
    return unknownInText(line).length > 0
  } catch {
    return true
  }
}

function leaveValue(
  draft: ImportDraft,
  directives: readonly Directive[],
  lines: readonly string[],
  hook: 'onUpstreamRequest' | 'onUpstreamResponse',
): void {
  for (const directive of directives) {
    const [name = ''] = directive.args
    draft.leave(
      directive,
      lines.every(isFieldValue)
        ? 'a variable in this value is known to nginx only'
        : 'fields hold no control characters, and no letters beyond latin1',
      `${hook}: (head) => head.headers.set('${name}', …)`,
    )
  }
}

export function importResponseHeaders(
  draft: ImportDraft,
  { levels, variables }: HeaderContext,
): void {
  const hidden: string[] = []
  for (const directive of levels.all('proxy_hide_header')) {
    const [name = ''] = directive.args
    if (directive.args.length !== 1 || !isToken(name)) asFlagless(draft, directive)
    else {
      hidden.push(name)
      draft.take(directive, 'responseHeaders.remove')
    }
  }
  if (hidden.length > 0) draft.put(['responseHeaders', 'remove'], hidden)
  for (const directive of levels.all('proxy_pass_header')) {
    draft.take(directive, 'every field of a response goes to the client')
  }
  importAddHeader(draft, levels, variables)
}

function importAddHeader(draft: ImportDraft, levels: Levels, variables: KnownVariables): void {
  const fields = new Map<
    string,
    { name: string; always: boolean; lines: string[]; all: Directive[] }
  >()
  for (const directive of levels.all('add_header')) {
    const [name = '', value = '', last] = directive.args
    if (!isToken(name) || directive.args.length > 3 || directive.args.length < 2) {
      asFlagless(draft, directive)
    } else if (last !== undefined && last !== 'always') {
      draft.wrong(directive, `invalid parameter "${last}"`)
    } else if (isConnectionField(name)) sayConnection(draft, directive)
    else if (value === '') draft.skip(directive)
    else {
      const always = last === 'always'
      const field = fields.get(name.toLowerCase()) ?? { name, always, lines: [], all: [] }
      if (field.always !== always) {
        draft.leave(
          directive,
          'of one field either all lines are added always, or none',
          `onUpstreamResponse: (head) => head.headers.append('${name}', …)`,
        )
        continue
      }
      field.lines.push(variables.expand(value))
      field.all.push(directive)
      fields.set(name.toLowerCase(), field)
    }
  }
  const behindProxy = isBehindProxy(levels)
  for (const { name, always, lines, all } of fields.values()) {
    const made = valueOf(lines, always ? 'nginxText' : 'nginxAddHeader', behindProxy)
    if (made === undefined) {
      leaveValue(draft, all, lines, 'onUpstreamResponse')
      continue
    }
    draft.put(['responseHeaders', 'append', name], made)
    for (const directive of all) draft.take(directive, `responseHeaders.append.${name}`)
  }
}

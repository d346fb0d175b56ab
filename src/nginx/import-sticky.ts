/** `sticky` of NGINX Plus, and of nginx from 1.29.6. */
import { LONGEST_DURATION, parseDuration } from '../config/duration.js'
import { isToken } from '../message/field-rules.js'
import type { Directive } from './conf.js'
import { timeOf } from './import-arguments.js'
import type { ImportDraft } from './import-draft.js'
import type { Value, ValueMap } from './import-value.js'

export function importSticky(draft: ImportDraft, directive: Directive): void {
  const [method = '', ...args] = directive.args
  switch (method) {
    case 'cookie':
      importCookie(draft, directive, args)
      return
    case 'route':
      importRoute(draft, directive, args)
      return
    case 'learn':
      importLearn(draft, directive, args)
      return
    default:
      draft.wrong(directive, `invalid parameter "${method}"`)
  }
}

function importCookie(draft: ImportDraft, directive: Directive, args: readonly string[]): void {
  const [name = '', ...attributes] = args
  if (!isToken(name)) {
    draft.leave(directive, 'that is no name of a cookie', 'sticky: { cookie: { name } }')
    return
  }
  const cookie: ValueMap = new Map<string, Value>([['name', name]])
  for (const attribute of attributes) {
    const wrong = readAttribute(cookie, attribute)
    if (wrong !== undefined) draft.wrong(directive, wrong)
  }
  if (isDropped(cookie, name)) {
    draft.leave(directive, 'browsers drop such a cookie where it is not secure', 'secure')
  } else draft.set(directive, ['sticky', 'cookie'], cookie)
}

function isDropped(cookie: ValueMap, name: string): boolean {
  if (cookie.has('secure')) return false
  return (
    cookie.get('sameSite') === 'none' ||
    cookie.has('partitioned') ||
    /^__(secure|host)-/i.test(name)
  )
}

/** What is wrong with it. */
function readAttribute(cookie: ValueMap, attribute: string): string | undefined {
  const [name, value] = splitOnce(attribute)
  const invalid = `invalid parameter "${attribute}"`
  switch (name.toLowerCase()) {
    case 'expires':
      return value === undefined || !readExpires(cookie, value) ? invalid : undefined
    case 'domain':
    case 'path':
      if (!/^[\w./-]+$/.test(value ?? '')) return invalid
      if ((name.toLowerCase() === 'path') !== (value ?? '').startsWith('/')) return invalid
      cookie.set(name.toLowerCase(), value ?? '')
      return undefined
    case 'samesite':
      if (!/^(lax|strict|none)$/i.test(value ?? '')) return invalid
      cookie.set('sameSite', (value ?? '').toLowerCase())
      return undefined
    case 'httponly':
      cookie.set('httpOnly', true)
      return undefined
    case 'secure':
    case 'partitioned':
      cookie.set(name.toLowerCase(), true)
      return undefined
    default:
      return invalid
  }
}

/** `max` is a date in the year 2037: as long as can be said. */
function readExpires(cookie: ValueMap, value: string): boolean {
  const time = value === 'max' ? LONGEST_DURATION : timeOf(value)
  if (time === undefined || parseDuration(value) === 0) return false
  cookie.set('maxAge', time)
  return true
}

function importRoute(draft: ImportDraft, directive: Directive, args: readonly string[]): void {
  const sources = args.flatMap((text) => sourceOf(text) ?? [])
  if (sources.length === 0 || sources.length < args.length) {
    draft.leave(
      directive,
      'a variable of your own is known to nginx only',
      'sticky: { route: [(request) => …] }',
    )
  } else draft.set(directive, ['sticky', 'route'], sources)
}

function sourceOf(text: string): ValueMap | undefined {
  const [, kind = '', name = ''] = /^\$\{?(cookie|arg|http)_(\w+)\}?$/.exec(text) ?? []
  if (kind === '') return undefined
  if (kind === 'http') return new Map([['header', name.replaceAll('_', '-')]])
  return new Map([[kind === 'arg' ? 'query' : kind, name]])
}

function importLearn(draft: ImportDraft, directive: Directive, args: readonly string[]): void {
  const given = new Map(args.map(splitOnce).map(([name, value]) => [name, value ?? '']))
  const create = createdBy(given.get('create') ?? '')
  const lookup = sourceOf(given.get('lookup') ?? '')
  if (create === undefined || lookup === undefined) {
    draft.leave(
      directive,
      'a variable of your own is known to nginx only',
      'sticky: { learn: { create: (response) => …, lookup: (request) => … } }',
    )
    return
  }
  const learn: ValueMap = new Map<string, Value>([
    ['create', create],
    ['lookup', lookup],
  ])
  const timeout = given.get('timeout')
  if (timeout !== undefined) {
    const time = parseDuration(timeout) === 0 ? undefined : timeOf(timeout)
    if (time === undefined) draft.wrong(directive, `invalid parameter "timeout=${timeout}"`)
    else learn.set('timeout', time)
  }
  draft.set(directive, ['sticky', 'learn'], learn)
}

/** `$upstream_cookie_name` and `$upstream_http_name`. */
function createdBy(text: string): ValueMap | undefined {
  const [, kind = '', name = ''] = /^\$\{?upstream_(cookie|http)_(\w+)\}?$/.exec(text) ?? []
  if (kind === '') return undefined
  return kind === 'cookie'
    ? new Map([['cookie', name]])
    : new Map([['header', name.replaceAll('_', '-')]])
}

function splitOnce(text: string): [name: string, value: string | undefined] {
  const equals = text.indexOf('=')
  return equals === -1 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)]
}

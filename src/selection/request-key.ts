/** From the `key` option of `hash` to a function that reads it from a request. */
import type { SelectionRequest } from '../upstream/peer-selector.js'
import { plainAddress } from './address-bytes.js'
import type { HashKey } from './options.js'

/** An empty text: the request has no key. */
export type ReadKey = (request: SelectionRequest) => string

/** The words for what has no name of its own. */
export const KEY_WORDS: readonly string[] = ['uri', 'path', 'address']

const VARIABLE = /\$(?:(\w+)|\{(\w+)\})/g

/** nginx's variables without a name in them. */
const VARIABLES: ReadonlyMap<string, ReadKey> = new Map<string, ReadKey>([
  ['request_uri', uriOf],
  ['remote_addr', addressOf],
  ['request_method', ({ method }) => method],
  ['host', (request) => headerOf(request, 'host').replace(/:\d*$/, '').toLowerCase()],
])

/** And those with one. */
const NAMED: readonly (readonly [prefix: string, read: (name: string) => ReadKey])[] = [
  ['http_', (name) => (request) => headerOf(request, name.replaceAll('_', '-'))],
  ['cookie_', (name) => (request) => cookieOf(request, name, 'any case')],
  ['arg_', (name) => (request) => argumentOf(request, name, 'any case')],
]

export const VARIABLE_NAMES: readonly string[] = [
  ...VARIABLES.keys(),
  ...NAMED.map(([prefix]) => `${prefix}name`),
]

/** The variables in a text that we do not know. */
export function unknownVariables(text: string): readonly string[] {
  return [...text.matchAll(VARIABLE)]
    .map(([, bare, braced]) => bare ?? braced ?? '')
    .filter((name) => readVariable(name) === undefined)
}

/** Whether a text names a variable at all. */
export function hasVariables(text: string): boolean {
  return text.search(VARIABLE) >= 0
}

/** `key` has been checked. */
export function readKey(key: HashKey): ReadKey {
  if (typeof key === 'function') return (request) => key(request) ?? ''
  if (typeof key === 'string') return readText(key)
  if ('header' in key) {
    const name = key.header.toLowerCase()
    return (request) => headerOf(request, name)
  }
  if ('cookie' in key) return (request) => cookieOf(request, key.cookie, 'as written')
  return (request) => argumentOf(request, key.query, 'as written')
}

function readText(text: string): ReadKey {
  switch (text) {
    case 'uri':
      return uriOf
    case 'path':
      return pathOf
    case 'address':
      return addressOf
    default:
      return readTemplate(text)
  }
}

function readTemplate(text: string): ReadKey {
  const parts: (string | ReadKey)[] = []
  let end = 0
  for (const match of text.matchAll(VARIABLE)) {
    const [whole, bare, braced] = match
    if (match.index > end) parts.push(text.slice(end, match.index))
    parts.push(readVariable(bare ?? braced ?? '') ?? whole)
    end = match.index + whole.length
  }
  if (end < text.length) parts.push(text.slice(end))
  const [only] = parts
  if (parts.length === 1 && typeof only === 'function') return only
  return (request) =>
    parts.map((part) => (typeof part === 'string' ? part : part(request))).join('')
}

/** As in nginx, variables are known in any case. */
function readVariable(given: string): ReadKey | undefined {
  const name = given.toLowerCase()
  const plain = VARIABLES.get(name)
  if (plain !== undefined) return plain
  const [prefix, read] = NAMED.find(([each]) => name.startsWith(each)) ?? []
  if (prefix === undefined || name.length === prefix.length) return undefined
  return read?.(name.slice(prefix.length))
}

/** nginx `$request_uri`: of a target in absolute form without scheme and authority. */
function uriOf({ url }: SelectionRequest): string {
  if (url.startsWith('/') || url === '*') return url
  const rest = url.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '')
  return rest === '' ? '/' : rest
}

function pathOf(request: SelectionRequest): string {
  const uri = uriOf(request)
  const query = uri.indexOf('?')
  return query < 0 ? uri : uri.slice(0, query)
}

function addressOf({ clientAddress, remoteAddress }: SelectionRequest): string {
  return plainAddress(clientAddress ?? remoteAddress ?? '')
}

function headerOf({ headers }: SelectionRequest, name: string): string {
  // Names such as __proto__ would find something on any object.
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined
  return typeof value === 'string' ? value : (value?.join(', ') ?? '')
}

/** Whether capitals make another name: nginx's `$cookie_name` and `$arg_name` know no capitals. */
type NameCase = 'as written' | 'any case'

/** The first of that name, as it was sent. */
function cookieOf(request: SelectionRequest, name: string, nameCase: NameCase): string {
  return valueIn(headerOf(request, 'cookie'), ';', name, nameCase)
}

/** The first of that name, not decoded. */
function argumentOf(request: SelectionRequest, name: string, nameCase: NameCase): string {
  const uri = uriOf(request)
  const query = uri.indexOf('?')
  return query < 0 ? '' : valueIn(uri.slice(query + 1), '&', name, nameCase)
}

function valueIn(text: string, separator: string, name: string, nameCase: NameCase): string {
  let start = 0
  while (start < text.length) {
    let end = text.indexOf(separator, start)
    if (end < 0) end = text.length
    const equals = text.indexOf('=', start)
    if (equals >= 0 && equals < end) {
      const found = text.slice(start, equals).trim()
      if (found === name || (nameCase === 'any case' && found.toLowerCase() === name))
        return text.slice(equals + 1, end).trim()
    }
    start = end + 1
  }
  return ''
}

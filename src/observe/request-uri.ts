/** The parts of a request's target, as nginx takes them apart. All texts have one character for each byte. */

/** Frameworks that cut off what a router is mounted at keep the whole. */
interface Mounted {
  readonly url?: string | undefined
  readonly originalUrl?: unknown
}

/** The target as the client has sent it. */
export function targetOf({ url = '/', originalUrl }: Mounted): string {
  return typeof originalUrl === 'string' ? originalUrl : url
}

const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i

/** `$request_uri`: the path with its arguments, as they came. Of an absolute target without scheme and authority. */
export function requestUri(target: string): string {
  if (target.startsWith('/')) return target
  const absolute = ABSOLUTE.exec(target)
  if (absolute === null) return target
  const path = target.slice(absolute[0].length)
  return path.startsWith('/') ? path : `/${path}`
}

/** Host and port of an absolute target; undefined of any other. */
export function authorityOf(target: string): string | undefined {
  return target.startsWith('/') ? undefined : ABSOLUTE.exec(target)?.[1]
}

/** `$args`: behind the first `?`; undefined where there are none. */
export function argumentsOf(target: string): string | undefined {
  const question = target.indexOf('?')
  if (question === -1) return undefined
  const hash = target.indexOf('#', question)
  const text = hash === -1 ? target.slice(question + 1) : target.slice(question + 1, hash)
  return text === '' ? undefined : text
}

/** `$arg_NAME` (`ngx_http_arg`): the first of that name, in any case. */
export function argument(target: string, name: string): string | undefined {
  const text = argumentsOf(target)
  if (text === undefined) return undefined
  for (let start = 0; start < text.length;) {
    const found = text.indexOf('&', start)
    const end = found === -1 ? text.length : found
    const equals = start + name.length
    if (equals < end && text[equals] === '=' && text.slice(start, equals).toLowerCase() === name)
      return text.slice(equals + 1, end)
    start = end + 1
  }
  return undefined
}

/**
 * `$uri`: decoded, with `.`, `..` and doubled slashes resolved (`ngx_http_parse_complex_uri`, `merge_slashes on`). What nginx
 * would refuse (400) stays as it came.
 */
export function normalisedUri(target: string): string {
  const uri = requestUri(target)
  const path = uri.slice(0, endOfPath(uri))
  // Most need nothing.
  if (!/%|\/\/|\/\./.test(path)) return path
  return resolved(path) ?? path
}

function endOfPath(uri: string): number {
  const end = uri.search(/[?#]/)
  return end === -1 ? uri.length : end
}

/** Dots and slashes count decoded or not, as in nginx: `%2e%2e` and `%2f` are `..` and `/`. */
function resolved(path: string): string | undefined {
  const decoded = decodedBytes(path)
  if (decoded?.startsWith('/') !== true) return decoded
  const segments: string[] = []
  const parts = decoded.split('/')
  const last = parts.length - 1
  for (let i = 1; i <= last; i++) {
    const part = parts[i] ?? ''
    if (part === '..') {
      if (segments.pop() === undefined) return undefined
    } else if (part !== '.' && part !== '') segments.push(part)
  }
  const tail = parts[last] ?? ''
  const isFolder = tail === '' || tail === '.' || tail === '..'
  const text = `/${segments.join('/')}`
  return isFolder && text !== '/' ? `${text}/` : text
}

/** Percent-decoded, a character for each byte; undefined for what cannot be, and for a zero byte. */
function decodedBytes(text: string): string | undefined {
  if (/%(?![\da-f]{2})|%00/i.test(text)) return undefined
  return text.replace(/%([\da-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

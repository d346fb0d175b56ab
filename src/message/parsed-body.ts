/**
 * The bytes of a request body that a body parser has read before us. Either they mean what the client sent, or there
 * is nothing to send: undefined, and the request is refused (ERR_BODY_CONSUMED).
 *
 * The bytes may still differ from the client's (white space, the order of a form's fields, numbers beyond 2^53):
 * where a signature or digest covers them, keep `rawBody`. They are never compressed: if the parser inflated them,
 * `Content-Encoding` must go.
 */

/** Deeper forms are refused: no parser in use builds them, and a circle has no end. */
const DEEPEST_FORM = 32

/** Refuses what has no form: functions, symbols, dates … */
class NotSerializable extends Error {}

/**
 * @param body what the parser left in `request.body`.
 * @param contentType the request's `Content-Type`.
 * @param rawBody `request.rawBody`: bytes or text kept aside by the parser; they win.
 */
export function serializeParsedBody(
  body: unknown,
  contentType: string | undefined,
  rawBody?: unknown,
): Buffer | undefined {
  const charset = parameterOf(contentType, 'charset')
  const raw =
    bytesOf(rawBody) ?? (typeof rawBody === 'string' ? encode(rawBody, charset) : undefined)
  if (raw !== undefined) return raw
  const bytes = bytesOf(body)
  if (bytes !== undefined) return bytes
  if (body === undefined) return undefined

  const type = mediaType(contentType)
  const isJson = type === 'application/json' || type.endsWith('+json')
  if (typeof body === 'string')
    return isJson && !isJsonText(body) ? undefined : encode(body, charset)
  if (isJson) return json(body, charset)
  if (type === 'application/x-www-form-urlencoded') return form(body)
  return undefined
}

function bytesOf(value: unknown): Buffer | undefined {
  if (Buffer.isBuffer(value)) return value
  if (!(value instanceof Uint8Array)) return undefined
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

function json(body: unknown, charset: string | undefined): Buffer | undefined {
  try {
    // undefined for a function or a symbol, whatever its type says
    const text = JSON.stringify(body) as string | undefined
    return text === undefined ? undefined : encode(text, charset)
  } catch {
    return undefined // circular, too deep, a BigInt, or a toJSON that threw
  }
}

/** A parser that admits bare values leaves the string of `"text"` without its quotes: that is not what was sent. */
function isJsonText(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function form(body: unknown): Buffer | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined
  const pairs: string[] = []
  try {
    for (const [key, value] of Object.entries(body)) {
      appendPairs(pairs, encodeURIComponent(key), value, 1)
    }
  } catch {
    return undefined // not serialisable, or a lone surrogate
  }
  return Buffer.from(pairs.join('&'))
}

/**
 * The notation that qs, PHP and Rails read: `a[b]=1`, `a[0][b]=1`, with the brackets escaped as browsers do.
 * A list of plain values repeats its key; of a single one only `a[]=1` says that it is a list.
 */
function appendPairs(pairs: string[], key: string, value: unknown, depth: number): void {
  if (value === undefined) return
  if (typeof value !== 'object' || value === null) {
    pairs.push(`${key}=${encodeURIComponent(plain(value))}`)
    return
  }
  if (depth >= DEEPEST_FORM) throw new NotSerializable()
  if (Array.isArray(value)) {
    appendList(pairs, key, value, depth)
    return
  }
  if (!isPlainObject(value)) throw new NotSerializable()
  for (const [name, each] of Object.entries(value)) {
    appendPairs(pairs, `${key}%5B${encodeURIComponent(name)}%5D`, each, depth + 1)
  }
}

function appendList(pairs: string[], key: string, list: readonly unknown[], depth: number): void {
  if (list.some((item) => typeof item === 'object' && item !== null)) {
    list.forEach((item, i) => appendPairs(pairs, `${key}%5B${i}%5D`, item, depth + 1))
    return
  }
  const name = list.length === 1 ? `${key}%5B%5D` : key
  for (const item of list) appendPairs(pairs, name, item, depth + 1)
}

function plain(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value)
    default:
      if (value === null) return ''
      throw new NotSerializable()
  }
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** undefined for a charset that we cannot write, or a character that it does not have. */
function encode(text: string, charset: string | undefined): Buffer | undefined {
  switch (charset) {
    case undefined:
    case 'utf-8':
    case 'utf8':
      return Buffer.from(text, 'utf8')
    case 'us-ascii':
    case 'ascii':
      return fits(text, 0x7f) ? Buffer.from(text, 'latin1') : undefined
    case 'iso-8859-1':
    case 'latin1':
      return fits(text, 0xff) ? Buffer.from(text, 'latin1') : undefined
    case 'utf-16le':
    case 'utf16le':
      return Buffer.from(text, 'utf16le')
    default:
      return undefined
  }
}

function fits(text: string, highest: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > highest) return false
  return true
}

function mediaType(contentType: string | undefined): string {
  if (contentType === undefined) return ''
  const end = contentType.indexOf(';')
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
}

function parameterOf(contentType: string | undefined, name: string): string | undefined {
  if (!contentType?.includes(';')) return undefined
  for (const parameter of contentType.split(';').slice(1)) {
    const equals = parameter.indexOf('=')
    if (equals === -1 || parameter.slice(0, equals).trim().toLowerCase() !== name) continue
    return parameter
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1')
      .toLowerCase()
  }
  return undefined
}

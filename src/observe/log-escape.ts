/** nginx's three ways to write a value into a log line: `log_format … escape=`. */

export type LogEscape = 'default' | 'json' | 'none'

/**
 * What the characters of a value are: `plain`, printable ASCII that needs no look; `bytes`, one for each byte, as Node reads
 * messages; `text`, Unicode, as options are written.
 */
export type LogText = 'plain' | 'bytes' | 'text'

/** Must be escaped in `default`: control characters, `"`, `\`, and all that is not ASCII (`ngx_http_log_escape`). */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const UNSAFE = /["\\\x00-\x1f\x7f-\uffff]/
/** Must be escaped in `json` (`ngx_escape_json`). */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const UNSAFE_IN_JSON = /["\\\x00-\x1f]/
const NOT_ASCII = /[\x80-\uffff]/

const HEX = '0123456789ABCDEF'

/** `\xXX` for each byte that could be mistaken. */
export function escapeDefault(value: string, text: LogText): string {
  if (text === 'plain' || !UNSAFE.test(value)) return value
  const bytes = text === 'text' ? utf8Bytes(value) : value
  let out = ''
  for (let i = 0; i < bytes.length; i++) {
    const code = bytes.charCodeAt(i)
    const unsafe = code < 0x20 || code >= 0x7f || code === 0x22 || code === 0x5c
    out += unsafe ? hexOf(code) : bytes.charAt(i)
  }
  return out
}

/** As it stands in a JSON string. Bytes that are no UTF-8 become U+FFFD: JSON has no way to say them. */
export function escapeJson(value: string, text: LogText): string {
  if (text === 'plain') return value
  const readable = escapeNone(value, text)
  if (!UNSAFE_IN_JSON.test(readable)) return readable
  let out = ''
  for (let i = 0; i < readable.length; i++) out += jsonOf(readable.charAt(i))
  return out
}

/** As it is, in the encoding of the log, which is UTF-8. */
export function escapeNone(value: string, text: LogText): string {
  if (text !== 'bytes' || !NOT_ASCII.test(value)) return value
  return Buffer.from(value, 'latin1').toString('utf8')
}

/** One character for each byte of its UTF-8. */
function utf8Bytes(value: string): string {
  return Buffer.from(value, 'utf8').toString('latin1')
}

function hexOf(code: number): string {
  return `\\x${HEX.charAt((code >> 4) & 15)}${HEX.charAt(code & 15)}`
}

function jsonOf(character: string): string {
  switch (character) {
    case '"':
    case '\\':
      return `\\${character}`
    case '\n':
      return '\\n'
    case '\r':
      return '\\r'
    case '\t':
      return '\\t'
    case '\b':
      return '\\b'
    case '\f':
      return '\\f'
    default: {
      const code = character.charCodeAt(0)
      return code > 0x1f ? character : `\\u00${HEX.charAt(code >> 4)}${HEX.charAt(code & 15)}`
    }
  }
}

/** What nginx does to a variable's value when it writes it into a log, undone. */

import type { LogEscape } from '../observe/log-escape.js'

export type { LogEscape }

const HEX = /\\x([0-9A-Fa-f]{2})/g
const JSON_ESCAPE = /\\(?:u([0-9A-Fa-f]{4})|(["\\/bfnrt]))/g
const JSON_LETTERS: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/**
 * The bytes that the variable had, as latin1. The opposite of `ngx_http_log_escape` (`\xHH` for `"`, `\`, control bytes
 * and those over 126) and of `ngx_escape_json`. Anything else stays as it is.
 */
export function unescapeValue(text: string, escape: LogEscape): string {
  if (escape === 'none' || !text.includes('\\')) return text
  if (escape === 'default')
    return text.replace(HEX, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return text.replace(JSON_ESCAPE, (_, hex: string | undefined, letter: string | undefined) =>
    // nginx writes bytes there, never more than \u001F.
    hex === undefined
      ? (JSON_LETTERS[letter ?? ''] ?? letter ?? '')
      : String.fromCharCode(parseInt(hex, 16)),
  )
}

/** Log data on its way to a screen: UTF-8 if it is, and nothing that a terminal would obey. */
export function printable(bytes: string): string {
  let text = bytes

  if (/[\x80-\xff]/.test(bytes)) {
    const utf8 = Buffer.from(bytes, 'latin1').toString('utf8')
    if (!utf8.includes('\ufffd')) text = utf8
  }
  return text.replace(UNPRINTABLE, (char) => {
    const code = char.charCodeAt(0)
    if (code === 9) return '\\t'
    return code < 256
      ? `\\x${code.toString(16).padStart(2, '0').toUpperCase()}`
      : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/** Controls, and what turns the direction of writing or is not seen. */
const UNPRINTABLE =
  // eslint-disable-next-line no-control-regex
  /[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb]/g

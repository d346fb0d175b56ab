/** What is wrong with a configuration file, in nginx's words. */

/** `unexpected "}" in /etc/nginx/nginx.conf:12`. */
export class NginxConfigError extends SyntaxError {
  /** The text without file and line; what it quotes of the file has its control characters escaped. */
  readonly reason: string
  readonly file: string
  readonly line: number

  constructor(reason: string, file: string, line: number) {
    const safe = printable(reason)
    super(`${safe} in ${printable(file)}:${line}`)
    this.name = 'NginxConfigError'
    this.reason = safe
    this.file = file
    this.line = line
  }
}

/** A text of a file as it may be shown: on one line, without control characters and what reorders text on a screen. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => {
    const code = char.codePointAt(0) ?? 0
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}

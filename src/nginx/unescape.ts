const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['t', '\t'],
  ['r', '\r'],
  ['n', '\n'],
])

/**
 * A text as nginx reads it (`ngx_conf_read_token`): a backslash before a quote or a backslash goes; `\t`, `\r`, `\n` are
 * characters; before anything else it stays.
 */
export function unescapeText(text: string): string {
  return text.replace(/\\(["'\\trn])/g, (_, char: string) => ESCAPES.get(char) ?? char)
}

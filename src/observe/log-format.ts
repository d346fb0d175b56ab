/** nginx's `log_format`: the text between variables, and the variables. */

/** Literal text, or a variable's name without the `$`. */
export type LogFormatPart = { readonly text: string } | { readonly variable: string }

/** nginx's own: `access_log FILE combined` (`ngx_http_combined_fmt`). */
export const COMBINED =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'

const VARIABLE = /\$(?:\{(\w+)\}|(\w+))/g

/**
 * Takes a format apart as `ngx_http_log_compile_format` does: `$name` and `${name}`, names of letters, digits and `_`.
 * @throws {SyntaxError} for a `$` without a name, as nginx refuses it ("invalid parameter").
 */
export function parseLogFormat(format: string): LogFormatPart[] {
  const parts: LogFormatPart[] = []
  let end = 0
  for (const match of format.matchAll(VARIABLE)) {
    addText(parts, format.slice(end, match.index))
    parts.push({ variable: match[1] ?? match[2] ?? '' })
    end = match.index + match[0].length
  }
  addText(parts, format.slice(end))
  return parts
}

function addText(parts: LogFormatPart[], text: string): void {
  if (text.includes('$')) throw new SyntaxError(`a "$" without the name of a variable in "${text}"`)
  if (text !== '') parts.push({ text })
}

/** Arguments of directives as values of options, checked as nginx checks them. */
import { LONGEST_DURATION, parseDuration } from '../config/duration.js'
import { parseSize } from '../config/size.js'
import type { Directive } from './conf.js'
import type { ImportDraft } from './import-draft.js'

type Path = readonly string[]

/** The only argument, or undefined when there are more or none. */
export function only(draft: ImportDraft, directive: Directive): string | undefined {
  const [value] = directive.args
  if (value !== undefined && directive.args.length === 1) return value
  asFlagless(draft, directive)
  return undefined
}

/** What nginx says of a wrong number of arguments. */
export function asFlagless(draft: ImportDraft, directive: Directive): void {
  draft.wrong(directive, `invalid number of arguments in "${directive.name}" directive`)
}

/** A text that begins with a variable, or holds one: what nginx evaluates for each request. */
export function hasVariable(text: string): boolean {
  return /\$[\w{]/.test(text)
}

/** `ngx_conf_set_msec_slot`. Written as it is there: our times are nginx's. */
export function asTime(
  draft: ImportDraft,
  directive: Directive,
  path: Path,
  zero: 'zero allowed' | 'more than zero' = 'zero allowed',
): void {
  const value = only(draft, directive)
  if (value === undefined) return
  const time = parseDuration(value)
  if (time === undefined) draft.wrong(directive, `"${directive.name}" directive invalid value`)
  else if (time > LONGEST_DURATION) {
    draft.leave(directive, 'times are at most 24 days', 'a shorter one')
  } else if (time === 0 && zero === 'more than zero') {
    draft.leave(directive, 'there is no timeout of 0', `${path.join('.')} with a time`)
  } else draft.set(directive, path, value)
}

/** `ngx_conf_set_size_slot`. */
export function asSize(
  draft: ImportDraft,
  directive: Directive,
  path: Path,
  zero: 'zero allowed' | 'more than zero' = 'zero allowed',
): void {
  const value = only(draft, directive)
  if (value === undefined) return
  const size = parseSize(value)
  if (hasVariable(value)) leaveVariable(draft, directive)
  else if (size === undefined || !Number.isSafeInteger(size)) {
    draft.wrong(directive, `"${directive.name}" directive invalid value`)
  } else if (size === 0 && zero === 'more than zero') {
    draft.wrong(directive, `"${directive.name}" directive invalid value`)
  } else draft.set(directive, path, value)
}

/** What a number of options may be; nobody has written more in earnest. */
export function isCount(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) <= 2 ** 31 - 1
}

/** The time as it is written, or the longest that there is; undefined when it is none. */
export function timeOf(text: string): string | number | undefined {
  const time = parseDuration(text)
  if (time === undefined) return undefined
  return time > LONGEST_DURATION ? LONGEST_DURATION : text
}

/** `ngx_conf_set_num_slot`. */
export function asCount(draft: ImportDraft, directive: Directive, path: Path, least = 0): void {
  const value = only(draft, directive)
  if (value === undefined) return
  if (!isCount(value)) draft.wrong(directive, `"${directive.name}" directive invalid number`)
  else if (Number(value) < least) {
    draft.leave(directive, `less than ${least} is not possible`, `${path.join('.')}: ${least}`)
  } else draft.set(directive, path, Number(value))
}

/** `ngx_conf_set_flag_slot`; undefined when it is neither. */
export function flagOf(draft: ImportDraft, directive: Directive): 'on' | 'off' | undefined {
  const value = only(draft, directive)
  if (value === undefined) return undefined
  const flag = value.toLowerCase()
  if (flag === 'on' || flag === 'off') return flag
  draft.wrong(
    directive,
    `invalid value "${value}" in "${directive.name}" directive, it must be "on" or "off"`,
  )
  return undefined
}

export function leaveVariable(draft: ImportDraft, directive: Directive): void {
  draft.leave(
    directive,
    'a variable in this value is known to nginx only',
    'a function where the option takes one, or your own middleware',
  )
}

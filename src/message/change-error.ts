/** What a user's function has made of a message, and may not. */
import { HIDDEN, show } from '../config/show.js'
import { isSecretField } from './field-rules.js'

/** `onUpstreamRequest: head.method must be a token, got "GET /"`. The cause of an `ERR_INTERNAL`. */
export class ChangeError extends Error {
  override readonly name = 'ChangeError'
  /** The option: `onUpstreamRequest`, `requestHeaders.set["X-Id"]` … */
  readonly option: string
  readonly rule: string

  constructor(option: string, rule: string, value: unknown) {
    super(`${option}: ${rule}, got ${show(value)}`)
    this.option = option
    this.rule = rule
  }
}

/** As {@link ChangeError} for a field's value, which may be a secret. */
export function valueError(
  option: string,
  name: string,
  rule: string,
  value: unknown,
): ChangeError {
  return new ChangeError(option, rule, isSecretField(name) ? HIDDEN : value)
}

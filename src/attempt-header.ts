/** A header field for one attempt alone: what a trace passes on. */
import { isConnectionField, isFieldValue, isToken } from './message/field-rules.js'
import { HeaderList } from './message/header-list.js'
import type { PreparedAttempt } from './prepared-attempt.js'
import type { RequestHead } from './transport/transport.js'

class ChangedHead implements RequestHead {
  readonly method: string
  readonly target: string
  readonly headers: string[]
  readonly upgrade: string | undefined

  constructor(head: RequestHead) {
    this.method = head.method
    this.target = head.target
    this.headers = [...head.headers]
    this.upgrade = head.upgrade
  }
}

/**
 * The head is shared by all attempts of a request, and changed in a copy.
 * @throws {TypeError} for what is no field, and for fields of the connection and the framing.
 */
export function setAttemptHeader(attempt: PreparedAttempt, name: string, value: string): void {
  if (!isToken(name)) throw new TypeError(`setHeader: "${name}" is no name of a header field`)
  if (isConnectionField(name))
    throw new TypeError(`setHeader: "${name}" belongs to the connection, and is not for users`)
  if (!isFieldValue(value)) throw new TypeError(`setHeader: the value of "${name}" cannot be sent`)
  const head = attempt.head instanceof ChangedHead ? attempt.head : new ChangedHead(attempt.head)
  new HeaderList(head.headers).set(name, value)
  attempt.head = head
}

/** Leaves a field out of what one attempt sends. */
export function deleteAttemptHeader(attempt: PreparedAttempt, name: string): void {
  const lower = name.toLowerCase()
  if (!attempt.head.headers.some((each, i) => i % 2 === 0 && each.toLowerCase() === lower)) return
  const head = attempt.head instanceof ChangedHead ? attempt.head : new ChangedHead(attempt.head)
  new HeaderList(head.headers).delete(name)
  attempt.head = head
}

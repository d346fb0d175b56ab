/** The hook `onUpstreamResponse`, and what makes its result fit to be sent. */
import { STATUS_CODES } from 'node:http'
import type {
  OnUpstreamResponse,
  ResponseContext,
  UpstreamResponseHead,
} from '../message-options.js'
import { ChangeError } from './change-error.js'
import { isFieldValue } from './field-rules.js'
import {
  checkFields,
  dropConnectionFields,
  isDuplex,
  isReadable,
  isThenable,
} from './hook-result.js'
import { bytesOf } from './replaced-body.js'

const HOOK = 'onUpstreamResponse'

/** What the head was before the hook had it. */
interface Before {
  readonly status: number
  readonly statusMessage: string
  readonly headers: UpstreamResponseHead['headers']
  readonly fields: readonly string[]
}

/** Calls the hook; throws what it throws, and a ChangeError for what cannot be sent. */
export function callResponseHook(
  hook: OnUpstreamResponse,
  head: UpstreamResponseHead,
  context: ResponseContext,
): undefined | Promise<undefined> {
  const { status, statusMessage, headers } = head
  const before: Before = { status, statusMessage, headers, fields: headers.raw.slice() }
  const finish = (): undefined => {
    checkHead(head, before)
    frame(head, before, context.request.method === 'HEAD')
  }
  const fail = (error: unknown): never => {
    dropStream(head.body)
    throw error
  }
  try {
    const returned: unknown = hook(head, context)
    return isThenable(returned) ? Promise.resolve(returned).then(finish).catch(fail) : finish()
  } catch (error) {
    return fail(error)
  }
}

function checkHead(head: UpstreamResponseHead, before: Before): void {
  const { status } = head
  if (head.headers !== before.headers) {
    throw new ChangeError(HOOK, 'head.headers must stay the list that it is', head.headers)
  }
  checkBody(head.body)
  // A peer may use numbers that nobody knows.
  const known = Number.isInteger(status) && status >= 200 && status <= 599
  if (status !== before.status && !known) {
    throw new ChangeError(HOOK, 'head.status must be from 200 to 599', status)
  }
  if (status !== before.status && head.statusMessage === before.statusMessage) {
    head.statusMessage = STATUS_CODES[status] ?? ''
  }
  const { statusMessage }: { statusMessage: unknown } = head
  if (typeof statusMessage !== 'string' || !isFieldValue(statusMessage)) {
    const rule = 'head.statusMessage must be a text without control characters, in latin1'
    throw new ChangeError(HOOK, rule, statusMessage)
  }
  checkFields(head.headers, HOOK, before.fields)
}

function checkBody(body: unknown): void {
  if (body === undefined || body === null) return
  if (typeof body === 'string' || body instanceof Uint8Array || isDuplex(body)) return
  const rule = 'head.body must be undefined, null, a text, bytes or a Duplex'
  throw new ChangeError(HOOK, rule, body)
}

/** Where the body ends is said by us: in the length of what replaces it, or in chunks. */
function frame(head: UpstreamResponseHead, before: Before, isHead: boolean): void {
  const { headers, status } = head
  dropConnectionFields(headers, before.fields)
  // HEAD, and such a status, has none whatever is said; with one less, what the peer had is not to be waited for.
  const none = isHead || hasNoBody(status)
  const hadNone = isHead || hasNoBody(before.status)
  if (head.body === undefined && none !== hadNone) head.body = null
  const { body } = head
  if (body !== undefined) {
    setLength(head, body)
    if (none || !isDuplex(body)) headers.delete('trailer')
  }
  if (status === 204) headers.delete('content-length')
  if (!none) return
  dropStream(body)
  head.body = hadNone ? undefined : null
}

function setLength({ headers, status }: UpstreamResponseHead, body: ReplacedBody): void {
  if (isDuplex(body) || (body === null && hasNoBody(status))) headers.delete('content-length')
  else headers.set('Content-Length', String(body === null ? 0 : bytesOf(body).length))
}

type ReplacedBody = Exclude<UpstreamResponseHead['body'], undefined>

/** RFC 9110 sections 15.3.5 and 15.4.5. */
function hasNoBody(status: number): boolean {
  return status === 204 || status === 304
}

function dropStream(body: unknown): void {
  if (!isReadable(body)) return
  body.on('error', () => undefined)
  body.destroy()
}

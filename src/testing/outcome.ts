/** What a scripted attempt comes to. */
import type { FailureType, UpstreamFailure } from '../next-upstream/attempt-result.js'

/** A header field list: an object, or ordered pairs where order, case or repetition matter. */
export type HeaderList =
  | Readonly<Record<string, string | number | readonly string[]>>
  | readonly (readonly [string, string])[]

export interface OkOptions {
  /** Default 200. */
  status?: number
  /** Default empty. */
  statusMessage?: string
  /** Default none; nothing is added. */
  headers?: HeaderList
  /** Default empty. An array comes chunk by chunk. Strings are UTF-8. */
  body?: string | Uint8Array | readonly (string | Uint8Array)[]
  /** Default none. */
  trailers?: HeaderList
  /** Milliseconds before the head. Default 0. */
  delay?: number
  /** Milliseconds before each chunk of the body. Default 0. */
  gap?: number
  /** The body breaks off with this after its last chunk. Default: it ends well. */
  failsWith?: FailsOptions
  /** The head comes without waiting for the request's body. Default false. */
  early?: boolean
  /** Reported as having used a kept-alive connection. Default false. */
  reusedConnection?: boolean
}

export interface FailsOptions extends Partial<Omit<UpstreamFailure, 'cause'>> {
  /** Default `connection_refused`. All other fields have the defaults of the type. */
  type?: FailureType
  /** Default: an Error with the type as its message. */
  cause?: Error
  /** Milliseconds before the failure. Default 0. */
  delay?: number
}

/** A response. */
export interface OkOutcome {
  readonly kind: 'ok'
  readonly options: Readonly<OkOptions>
}

/** No response. */
export interface FailsOutcome {
  readonly kind: 'fails'
  readonly failure: UpstreamFailure
  readonly delay: number
}

/** Nothing, until the attempt is aborted. */
export interface HangsOutcome {
  readonly kind: 'hangs'
}

export type Outcome = OkOutcome | FailsOutcome | HangsOutcome

/** The peer answers. */
export function ok(options: OkOptions = {}): OkOutcome {
  return { kind: 'ok', options }
}

/**
 * The attempt fails. With no options the connection is refused.
 * A failure of which `requestSent` is true comes after the request's body has been taken (unless in phase `send`).
 */
export function fails(options: FailsOptions = {}): FailsOutcome {
  return { kind: 'fails', failure: failureOf(options), delay: options.delay ?? 0 }
}

/** The peer takes the request and never answers. */
export function hangs(): HangsOutcome {
  return { kind: 'hangs' }
}

type FailureDefaults = Pick<
  UpstreamFailure,
  'condition' | 'phase' | 'requestSent' | 'responseStarted'
>

const NEVER_SENT = { requestSent: false, responseStarted: false }
const SENT = { requestSent: true, responseStarted: false }
const ANSWERING = { requestSent: true, responseStarted: true }

const DEFAULTS: Readonly<Record<FailureType, FailureDefaults>> = {
  connection_refused: { condition: 'error', phase: 'connect', ...NEVER_SENT },
  connection_timeout: { condition: 'timeout', phase: 'connect', ...NEVER_SENT },
  connection_terminated: { condition: 'error', phase: 'header', ...SENT },
  connection_write_timeout: { condition: 'timeout', phase: 'send', ...SENT },
  connection_read_timeout: { condition: 'timeout', phase: 'header', ...SENT },
  dns_error: { condition: 'error', phase: 'connect', ...NEVER_SENT },
  destination_ip_unroutable: { condition: 'error', phase: 'connect', ...NEVER_SENT },
  tls_protocol_error: { condition: 'error', phase: 'tls', ...NEVER_SENT },
  tls_certificate_error: { condition: 'error', phase: 'tls', ...NEVER_SENT },
  tls_alert_received: { condition: 'error', phase: 'tls', ...NEVER_SENT },
  http_response_incomplete: { condition: 'error', phase: 'header', ...ANSWERING },
  http_response_header_section_size: { condition: 'invalid_header', phase: 'header', ...ANSWERING },
  http_protocol_error: { condition: 'invalid_header', phase: 'header', ...ANSWERING },
  proxy_internal_error: { condition: 'error', phase: 'connect', ...NEVER_SENT },
}

/** The failure that breaks off a body: the defaults of the type, but in mid-response. */
export function bodyFailureOf(options: FailsOptions): UpstreamFailure {
  return failureOf({
    type: 'http_response_incomplete',
    phase: 'body',
    ...ANSWERING,
    ...options,
  })
}

function failureOf(options: FailsOptions): UpstreamFailure {
  const type = options.type ?? 'connection_refused'
  const defaults = DEFAULTS[type]
  return {
    type,
    condition: options.condition ?? defaults.condition,
    phase: options.phase ?? defaults.phase,
    requestSent: options.requestSent ?? defaults.requestSent,
    reusedConnection: options.reusedConnection ?? false,
    responseStarted: options.responseStarted ?? defaults.responseStarted,
    cause: options.cause ?? new Error(type),
  }
}

/** Name, value, name, value … */
export function flatHeaders(headers: HeaderList = {}): string[] {
  if (isPairs(headers)) return headers.flatMap(([name, value]) => [name, value])
  return Object.entries(headers).flatMap(([name, value]) =>
    Array.isArray(value)
      ? (value as readonly string[]).flatMap((one) => [name, one])
      : [name, String(value as string | number)],
  )
}

function isPairs(headers: HeaderList): headers is readonly (readonly [string, string])[] {
  return Array.isArray(headers)
}

/** Chunks as buffers; strings as UTF-8; empty ones left out. */
export function bodyChunks(
  body: string | Uint8Array | readonly (string | Uint8Array)[] = '',
): Buffer[] {
  const list = typeof body === 'string' || body instanceof Uint8Array ? [body] : body
  return list.map(toBuffer).filter((chunk) => chunk.length > 0)
}

export function toBuffer(bytes: string | Uint8Array): Buffer {
  if (typeof bytes === 'string') return Buffer.from(bytes)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

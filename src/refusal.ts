/** Why a request is not served, where it is not a peer that failed. */
import type { AttemptRecord } from './attempt-record.js'
import { BalancerError } from './errors.js'
import type { ErrorCode } from './errors.js'
import type { UpstreamFailure } from './next-upstream/attempt-result.js'

/** An answer of our own, before any peer is asked. */
export interface Refusal {
  readonly code: ErrorCode
  readonly status: number
  readonly message: string
  readonly cause?: unknown
  /** Seconds after which it is worth asking again; goes with a 503. */
  readonly retryAfter?: number
  /** What follows on the client's connection is not to be trusted, or not worth reading. */
  readonly close?: boolean
}

export const CLOSING: Refusal = {
  code: 'ERR_CLOSING',
  status: 503,
  message: 'the balancer is closing',
}

export const BODY_TOO_LARGE: Refusal = {
  code: 'ERR_BODY_TOO_LARGE',
  status: 413,
  message: 'the request body is over maxBody',
  close: true,
}

export const CLIENT_LEFT: Refusal = {
  code: 'ERR_CLIENT_CLOSED',
  status: 499,
  message: 'the client left before it was answered',
}

/** Node refuses it before anything is sent: what the client asked for is not HTTP/1.1. */
export function isUnsendable(cause: unknown): boolean {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code
  return (
    code === 'ERR_INVALID_CHAR' ||
    code === 'ERR_UNESCAPED_CHARACTERS' ||
    code === 'ERR_INVALID_HTTP_TOKEN'
  )
}

/** What a throw inside the library ends as. */
export function internalRefusal(cause: unknown): Refusal {
  if (cause instanceof BalancerError) {
    return { code: cause.code, message: cause.message, status: cause.status, cause: cause.cause }
  }
  const message = 'the balancer or one of its plug-ins failed'
  return { code: 'ERR_INTERNAL', message, status: 500, cause }
}

/** A response whose head Node will not write to a client is as good as an invalid one. */
export function unwritableHead(error: unknown, record: AttemptRecord): UpstreamFailure {
  return {
    condition: 'invalid_header',
    phase: 'header',
    type: 'http_protocol_error',
    requestSent: true,
    reusedConnection: record.reused,
    responseStarted: true,
    cause: error instanceof Error ? error : undefined,
  }
}

/** Variables of the response, and of the times. */
import type { OutgoingHttpHeaders } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import { seconds } from '../log-times.js'
import type { ResponseLog } from '../response-log.js'
import { SentField } from './field-values.js'
import { bytes, number, plain } from './variable.js'
import type { LogVariable, VariableFamily, VariableTable } from './variable.js'

export const RESPONSE_VARIABLES: VariableTable = {
  // Whether anything was sent decides what it is when the client has left.
  status: number(({ status }) => (status < 100 ? three(status) : String(status)), 'sent'),
  bytes_sent: number((log) => String(bytesSent(log)), 'sent'),
  body_bytes_sent: number((log) => String(bodyBytesSent(log)), 'sent'),
  request_completion: plain(({ completed }) => (completed ? 'OK' : '')),
  request_time: number(({ duration }) => seconds(duration)),
  connection_time: number((log) => seconds(log.startedAt + log.duration - log.connection.openedAt)),
  time_local: plain((_, { times }) => times.local),
  time_iso8601: plain((_, { times }) => times.iso8601),
  msec: number((_, { times }) => times.msec),
}

/** `%03ui`. */
function three(status: number): string {
  return String(status).padStart(3, '0')
}

/** `$sent_http_NAME`. */
export const sentField: VariableFamily = (name): LogVariable => {
  const field = new SentField(name)
  return bytes(({ head, res }) => {
    if (head !== undefined) return field.in(head)
    const { stream } = res as unknown as { readonly stream?: ServerHttp2Stream }
    return outgoing(stream?.sentHeaders, name)
  })
}

/** `$sent_trailer_NAME`. */
export const sentTrailer: VariableFamily = (name): LogVariable => {
  const field = new SentField(name)
  return bytes(({ res }) => {
    const { _trailer: trailer, stream } = res as unknown as {
      readonly _trailer?: unknown
      readonly stream?: ServerHttp2Stream
    }
    if (typeof trailer === 'string') return field.in(trailer)
    return outgoing(stream?.sentTrailers, name)
  })
}

function outgoing(headers: OutgoingHttpHeaders | undefined, name: string): string | undefined {
  const value = headers?.[name.replaceAll('_', '-')]
  return Array.isArray(value) ? value.join(', ') : value?.toString()
}

/** On the wire: head, body and what frames it. In HTTP/2 the body as far as it is known, for frames are not counted. */
function bytesSent(log: ResponseLog): number {
  return log.res.stream === undefined ? log.bytesSent : knownBody(log)
}

/** What is not the head, as nginx counts it: the framing of a chunked body and an interim response are in it. */
function bodyBytesSent(log: ResponseLog): number {
  if (log.res.stream !== undefined) return knownBody(log)
  return Math.max(0, log.bytesSent - (log.head?.length ?? 0))
}

function knownBody({ res, req, exchange, finished }: ResponseLog): number {
  if (req.method === 'HEAD') return 0
  const { stream } = res as unknown as { readonly stream?: ServerHttp2Stream }
  const announced = Number(outgoing(stream?.sentHeaders, 'content-length'))
  if (finished && announced > 0) return announced
  return exchange?.attempts.at(-1)?.responseLength ?? 0
}

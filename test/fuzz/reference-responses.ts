/** What an upstream has answered, read as generously as RFC 9112 allows. See {@link readAsked}. */
import { bodyFrom, fieldsOf, linesFrom } from './reference-requests.js'

export interface SaidResponse {
  readonly status: number
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** As much of it as has come. */
  readonly body: string
  readonly complete: boolean
}

const STATUS_LINE = /^[A-Z]+\/[0-9]\.[0-9][ \t]+([0-9]{3})(?:[ \t].*)?$/

/** The final response among the bytes; undefined when there is none that anybody could read. */
export function readSaid(
  bytes: string,
  method: string,
  ending: 'open' | 'fin' | 'reset',
): SaidResponse | undefined {
  let at = 0
  for (;;) {
    while (bytes[at] === '\r' || bytes[at] === '\n') at++
    const head = linesFrom(withLineEnd(bytes, at), at)
    if (head === undefined) return undefined
    const [statusLine = '', ...lines] = head.lines
    const status = Number(STATUS_LINE.exec(statusLine)?.[1] ?? 0)
    const fields = fieldsOf(lines)
    if (status < 100 || status === 101 || fields === undefined) return undefined
    at = head.end
    if (status < 200) continue
    if (method === 'HEAD' || status === 204 || status === 304) {
      return { status, fields, body: '', complete: true }
    }
    return { status, fields, ...bodyOf(bytes, at, fields, ending) }
  }
}

/** Node's parser takes two CRs behind the status line for its end. */
function withLineEnd(bytes: string, at: number): string {
  const line = /[^\r\n]*/y
  line.lastIndex = at
  line.exec(bytes)
  const end = line.lastIndex
  return bytes.startsWith('\r\r', end) ? `${bytes.slice(0, end)}\r\n${bytes.slice(end + 2)}` : bytes
}

function bodyOf(
  bytes: string,
  start: number,
  fields: SaidResponse['fields'],
  ending: 'open' | 'fin' | 'reset',
): Pick<SaidResponse, 'body' | 'complete'> {
  const framed = fields.some(([name]) => /^(content-length|transfer-encoding)$/.test(name))
  const body = framed ? bodyFrom(bytes, start, fields) : undefined
  if (body === undefined) return { body: bytes.slice(start), complete: ending === 'fin' }
  return { body: body.text, complete: body.complete }
}

/** What values of nginx's variables look like, where that is known: it tells where a value ends. */

/** Whether `line.slice(from, to)` can be such a value. */
export type Shape = (line: string, from: number, to: number) => boolean

const anything: Shape = () => true

/** Only these characters, or `-`, or nothing (escape=json). */
function of(allowed: (code: number) => boolean): Shape {
  return (line, from, to) => {
    if (to - from === 1 && line.charCodeAt(from) === DASH) return true
    for (let at = from; at < to; at++) if (!allowed(line.charCodeAt(at))) return false
    return true
  }
}

const DASH = 45
const BLANK = 32
const COMMA = 44
const COLON = 58
const DOT = 46
const isDigit = (code: number): boolean => code >= 48 && code <= 57

const number = of(isDigit)
const decimal = of((code) => isDigit(code) || code === DOT)
const word = of((code) => code > BLANK)

const status: Shape = (line, from, to) =>
  number(line, from, to) && (to - from === 3 || to - from <= 1)

/** `12/Nov/2026:10:11:12 +0100`: 26 characters. */
const localTime: Shape = (line, from, to) =>
  to - from === 26 && line.charCodeAt(from + 2) === 47 && line.charCodeAt(from + 20) === BLANK

/** Entries joined by `, ` and ` : ` (`ngx_http_upstream_addr_variable` and its kin). */
function list(item: Shape): Shape {
  return (line, from, to) => {
    let begin = from
    for (let at = from; at < to; at++) {
      const code = line.charCodeAt(at)
      if (code === COMMA && line.charCodeAt(at + 1) === BLANK) {
        if (at + 2 >= to || !item(line, begin, at)) return false
        begin = at + 2
        at++
      } else if (code === BLANK) {
        const joins = line.charCodeAt(at + 1) === COLON && line.charCodeAt(at + 2) === BLANK
        if (!joins || at + 3 >= to || !item(line, begin, at)) return false
        begin = at + 3
        at += 2
      }
    }
    return item(line, begin, to)
  }
}

const isAddress: Shape = (line, from, to) => {
  for (let at = from; at < to; at++) {
    const code = line.charCodeAt(at)
    if (code === COMMA || code <= BLANK) return false
  }
  return to === from || !decimal(line, from, to) || to - from === 1
}

const SHAPES: Readonly<Record<string, Shape>> = {
  status,

  body_bytes_sent: number,
  bytes_sent: number,
  request_length: number,
  connection: number,
  connection_requests: number,
  pid: number,
  server_port: number,
  remote_port: number,
  request_time: decimal,
  msec: decimal,
  time_local: localTime,
  time_iso8601: word,
  remote_addr: word,
  server_addr: word,
  request_method: word,
  scheme: word,
  server_protocol: word,
  request_id: word,
  upstream_addr: list(isAddress),
  upstream_status: list(status),
  upstream_response_time: list(decimal),
  upstream_connect_time: list(decimal),
  upstream_header_time: list(decimal),
  upstream_first_byte_time: list(decimal),
  upstream_queue_time: list(decimal),
  upstream_response_length: list(number),
  upstream_bytes_sent: list(number),
  upstream_bytes_received: list(number),
  upstream_cache_status: word,
}

export function shapeOf(variable: string): Shape {
  return Object.hasOwn(SHAPES, variable) ? (SHAPES[variable] ?? anything) : anything
}

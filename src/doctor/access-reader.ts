/** Lines of an access log as requests. */
import { parseLogFormat } from '../observe/log-format.js'
import { attemptsOf } from './attempts.js'
import type { Attempt } from './attempts.js'
import type { LogEscape } from './escapes.js'
import { LineReader } from './line-reader.js'
import type { LineValues } from './line-reader.js'
import { milliseconds, offsetOf, parseIso, parseLocal, parseMsec } from './times.js'

/** What a format tells. */
export interface FormatKnows {
  /** `$upstream_status`: what each attempt ended with. */
  readonly statuses: boolean
  /** `$upstream_addr`: who was asked, and whether anybody was. */
  readonly peers: boolean
  /** `$upstream_header_time`: an answer of a peer is told from one that nginx made. */
  readonly headers: boolean
  /** `$upstream_connect_time`: a connection that was used again is told from a new one. */
  readonly connects: boolean
  /** `$upstream_response_time` or `$request_time`. */
  readonly times: boolean
  readonly requests: boolean
  /** The time has its zone. */
  readonly zone: boolean
}

/** The request of the line that was read last. Texts are bytes, as latin1. */
export class AccessReader {
  readonly knows: FormatKnows
  /** Milliseconds since 1970, when the request was over. */
  time = NaN
  /** What local time is ahead of UTC, in milliseconds; NaN if the log does not say. */
  offset = NaN
  status = 0
  readonly #lines: LineValues
  readonly #time: (text: string) => number
  readonly #timeSlot: number
  readonly #zoneSlot: number
  readonly #status: number
  readonly #request: number
  readonly #method: number
  readonly #requestUri: number
  readonly #uri: number
  readonly #requestTime: number
  readonly #cache: number
  readonly #lists: Lists
  #timeText = ''
  #zoneText = ''

  /**
   * @param format its text, or a reader of lines that have none.
   * @throws {SyntaxError} for a format that nginx would refuse, or one without a time or a status.
   */
  constructor(format: string | LineValues, escape: LogEscape = 'default') {
    const lines =
      typeof format === 'string' ? new LineReader(parseLogFormat(format), escape) : format
    this.#lines = lines
    const slot = (name: string): number => lines.slotOf(name)
    const [timeSlot, time] = timeOf(slot)
    this.#timeSlot = timeSlot
    this.#time = time
    this.#zoneSlot = slot('time_local') >= 0 ? slot('time_local') : slot('time_iso8601')
    this.#status = slot('status')
    if (timeSlot < 0 || this.#status < 0)
      throw new SyntaxError(
        'a log format without a time ($time_local, $time_iso8601 or $msec) or without $status says nothing of bunches',
      )
    this.#request = slot('request')
    this.#method = slot('request_method')
    this.#requestUri = slot('request_uri')
    this.#uri = this.#requestUri >= 0 ? this.#requestUri : slot('uri')
    this.#requestTime = slot('request_time')
    this.#cache = slot('upstream_cache_status')
    this.#lists = {
      addr: slot('upstream_addr'),
      status: slot('upstream_status'),
      response: slot('upstream_response_time'),
      connect: slot('upstream_connect_time'),
      header: slot('upstream_header_time'),
      length: slot('upstream_response_length'),
    }
    this.knows = {
      statuses: this.#lists.status >= 0,
      peers: this.#lists.addr >= 0,
      headers: this.#lists.header >= 0,
      connects: this.#lists.connect >= 0,
      times: this.#lists.response >= 0 || this.#requestTime >= 0,
      requests: this.#request >= 0 || this.#uri >= 0,
      zone: this.#zoneSlot >= 0,
    }
  }

  /** Whether the line has the format. */
  read(line: string): boolean {
    if (!this.#lines.read(line)) return false
    // Many lines have the same second.
    const text = this.#lines.raw(this.#timeSlot)
    if (text !== this.#timeText) {
      this.time = this.#time(text)
      this.#timeText = Number.isNaN(this.time) ? '' : text
      this.#readZone()
    }
    this.status = Number(this.#lines.raw(this.#status))
    return !Number.isNaN(this.time) && Number.isInteger(this.status)
  }

  /** In milliseconds, from the first byte of the client to the last one to it; -1 if it is not in the log. */
  get duration(): number {
    return milliseconds(this.#lines.raw(this.#requestTime))
  }

  /** `GET`; empty if it is not in the log. */
  get method(): string {
    if (this.#method >= 0) return this.#lines.value(this.#method)
    const request = this.#lines.value(this.#request)
    const end = request.indexOf(' ')
    return end > 0 && end < 20 ? request.slice(0, end) : ''
  }

  /** Without its query; empty if it is not in the log. */
  get path(): string {
    const target =
      this.#uri >= 0 ? this.#lines.value(this.#uri) : targetOf(this.#lines.value(this.#request))
    return pathOf(target)
  }

  /** As the client has sent it, without its query; empty if it is not in the log (`$uri` may have been rewritten). */
  get requestedPath(): string {
    if (this.#requestUri >= 0) return pathOf(this.#lines.value(this.#requestUri))
    return this.#request < 0 ? '' : pathOf(targetOf(this.#lines.value(this.#request)))
  }

  /** Nobody was asked, because the answer was in the cache. */
  get fromCache(): boolean {
    const status = this.#lines.raw(this.#cache)
    return status === 'HIT' || status === 'STALE' || status === 'UPDATING'
  }

  /** As it stands in the log: whether it has more than one attempt is seen without taking it apart. */
  get upstreamStatus(): string {
    return this.#lines.raw(this.#lists.status)
  }

  get upstreamAddr(): string {
    return this.#lines.value(this.#lists.addr)
  }

  get connectTime(): number {
    return milliseconds(this.#lines.raw(this.#lists.connect))
  }

  /** In order; none if no upstream was concerned, or the log does not say. */
  attempts(): Attempt[] {
    const { addr, status, response, connect, header, length } = this.#lists
    return attemptsOf({
      addr: this.#lines.value(addr),
      status: this.#lines.raw(status),
      response: this.#lines.raw(response),
      connect: this.#lines.raw(connect),
      header: this.#lines.raw(header),
      length: this.#lines.raw(length),
    })
  }

  #readZone(): void {
    if (this.#zoneSlot < 0) return
    const zone = this.#lines.raw(this.#zoneSlot).slice(-6).trim()
    if (zone === this.#zoneText) return
    this.#zoneText = zone
    this.offset = zone.endsWith('Z') ? 0 : offsetOf(zone)
  }
}

interface Lists {
  readonly addr: number
  readonly status: number
  readonly response: number
  readonly connect: number
  readonly header: number
  readonly length: number
}

function timeOf(slot: (name: string) => number): [number, (text: string) => number] {
  if (slot('msec') >= 0) return [slot('msec'), parseMsec]
  if (slot('time_iso8601') >= 0) return [slot('time_iso8601'), parseIso]
  return [slot('time_local'), parseLocal]
}

/** `GET /path HTTP/1.1` */
export function targetOf(request: string): string {
  const begin = request.indexOf(' ') + 1
  if (begin === 0) return request
  const end = request.lastIndexOf(' HTTP/')
  return end < begin ? request.slice(begin) : request.slice(begin, end)
}

/** Without its query, and not endless. */
export function pathOf(target: string): string {
  const end = target.indexOf('?')
  const path = end < 0 ? target : target.slice(0, end)
  return path.length > 200 ? `${path.slice(0, 200)}…` : path
}

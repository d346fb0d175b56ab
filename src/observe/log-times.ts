/** The times of log lines, in nginx's forms: made once a second (`ngx_time_update`). */

import type { Clock } from '../clock.js'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const two = (value: number): string => String(value).padStart(2, '0')

/** Decimals of a second. */
const THOUSANDTHS = Object.freeze(
  Array.from({ length: 1000 }, (_, ms) => String(ms).padStart(3, '0')),
)

/** Those of less than a second, as most are. */
const SHORT = Object.freeze(THOUSANDTHS.map((digits) => `0.${digits}`))

/** Seconds with milliseconds: `0.012`. What is less than zero is 0, as in nginx. */
export function seconds(ms: number): string {
  const whole = ms > 0 ? Math.round(ms) : 0
  const short = SHORT[whole]
  if (short !== undefined) return short
  return `${String(Math.floor(whole / 1000))}.${THOUSANDTHS[whole % 1000] ?? '000'}`
}

/** Both clocks are read once a turn of the event loop, as nginx does it: see {@link LogTimes.expire}. */
export class LogTimes {
  readonly #clock: Pick<Clock, 'now'>
  readonly #wallTime: () => number
  #now = Number.NaN
  #wall = Number.NaN
  #second = Number.NaN
  #local = ''
  #iso8601 = ''
  #error = ''

  /** @param wallTime milliseconds since 1970. */
  constructor(clock: Pick<Clock, 'now'>, wallTime: () => number) {
    this.#clock = clock
    this.#wallTime = wallTime
  }

  /** The turn is over: what was read is not the time any more. */
  expire(): void {
    this.#now = Number.NaN
    this.#wall = Number.NaN
  }

  /** Milliseconds of the clock. */
  get now(): number {
    if (Number.isNaN(this.#now)) this.#now = this.#clock.now()
    return this.#now
  }

  /** `$time_local`: `21/Nov/2026:10:00:00 +0000`. */
  get local(): string {
    this.#update()
    return this.#local
  }

  /** `$time_iso8601`: `2026-11-21T10:00:00+00:00`. */
  get iso8601(): string {
    this.#update()
    return this.#iso8601
  }

  /** Of the error log: `2026/11/21 10:00:00`. */
  get error(): string {
    this.#update()
    return this.#error
  }

  /** `$msec`: `1795255200.123`. */
  get msec(): string {
    this.#update()
    return seconds(this.#wall)
  }

  #update(): void {
    if (!Number.isNaN(this.#wall)) return
    this.#wall = this.#wallTime()
    const second = Math.floor(this.#wall / 1000)
    if (second === this.#second) return
    this.#second = second
    const date = new Date(second * 1000)
    const [year, month, day] = [date.getFullYear(), date.getMonth(), two(date.getDate())]
    const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
    const offset = -date.getTimezoneOffset()
    const sign = offset < 0 ? '-' : '+'
    const hours = two(Math.floor(Math.abs(offset) / 60))
    const minutes = two(Math.abs(offset) % 60)
    this.#local = `${day}/${MONTHS[month] ?? ''}/${String(year)}:${time} ${sign}${hours}${minutes}`
    this.#iso8601 = `${String(year)}-${two(month + 1)}-${day}T${time}${sign}${hours}:${minutes}`
    this.#error = `${String(year)}/${two(month + 1)}/${day} ${time}`
  }
}

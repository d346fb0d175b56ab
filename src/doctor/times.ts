/** The times in logs. All as milliseconds since 1970, NaN for what is none. */

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'

const two = (text: string, at: number): number =>
  (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48

/** Milliseconds of `+0130`, `+01:30` or `Z`. */
export function offsetOf(text: string): number {
  const match = /^(?:Z|([+-])(\d\d):?(\d\d))$/.exec(text)
  if (match === null) return NaN
  const minutes = Number(match[2] ?? 0) * 60 + Number(match[3] ?? 0)
  return (match[1] === '-' ? -minutes : minutes) * 60_000
}

/** `$time_local`: `12/Nov/2026:10:11:12 +0100`. */
export function parseLocal(text: string): number {
  const month = MONTHS.indexOf(text.slice(3, 6)) / 3
  if (!Number.isInteger(month) || month < 0) return NaN
  const utc = Date.UTC(
    two(text, 7) * 100 + two(text, 9),
    month,
    two(text, 0),
    two(text, 12),
    two(text, 15),
    two(text, 18),
  )
  return utc - offsetOf(text.slice(21))
}

/** `$time_iso8601`: `2026-11-12T10:11:12+01:00`. */
export function parseIso(text: string): number {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(text) ? Date.parse(text) : NaN
}

/** `$msec`: seconds with three decimals. */
export function parseMsec(text: string): number {
  return /^\d{1,12}(\.\d{1,6})?$/.test(text) ? Math.round(Number(text) * 1000) : NaN
}

const ERROR_TIME = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d):(\d\d):(\d\d)/

/** The beginning of a line of an error log, `2026/11/12 10:11:12`, without its zone: as if it were UTC. */
export function parseErrorTime(line: string): number {
  const match = ERROR_TIME.exec(line)
  if (match === null) return NaN
  const [, year, month, day, hour, minute, second] = match
  return Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  )
}

/** What this machine's own zone adds to UTC at about that time. */
export function systemOffset(time: number): number {
  return -new Date(time).getTimezoneOffset() * 60_000
}

/** Seconds as nginx writes them, in milliseconds; -1 for `-` and for what is none. */
export function milliseconds(text: string): number {
  const value = text === '' || text === '-' ? -1 : Number(text)
  return Number.isFinite(value) && value >= 0 ? Math.round(value * 1000) : -1
}

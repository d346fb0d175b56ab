/** `Retry-After` (RFC 9110 section 10.2.3): for how long a peer would like to be left alone. */

/**
 * Milliseconds, or 0 when the response does not say it, or not as it should. A date is measured against the response's
 * own `Date`: so nothing depends on whose clock is right. Without a `Date` it is not heeded.
 */
export function retryAfterOf(rawHeaders: readonly string[]): number {
  const value = valueOf(rawHeaders, 'retry-after')
  if (value === undefined) return 0
  if (/^\d{1,10}$/.test(value)) return Number(value) * 1000
  const from = dateOf(valueOf(rawHeaders, 'date'))
  const until = dateOf(value)
  return from === undefined || until === undefined ? 0 : Math.max(0, until - from)
}

/** Undefined when there is none, or more than one. */
function valueOf(rawHeaders: readonly string[], name: string): string | undefined {
  let value: string | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const field = rawHeaders[at]
    if (field?.length !== name.length || field.toLowerCase() !== name) continue
    if (value !== undefined) return undefined
    value = rawHeaders[at + 1]?.trim()
  }
  return value
}

/** RFC 9110 section 5.6.7: the form of today, RFC 850's, and asctime's, which names no time zone and means UTC. */
const TODAY = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/
const RFC_850 = /^[A-Z][a-z]{5,8}, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT$/
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/

function dateOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const isDate = TODAY.test(text) || RFC_850.test(text)
  if (!isDate && !ASCTIME.test(text)) return undefined
  const ms = Date.parse(isDate ? text : `${text} GMT`)
  return Number.isNaN(ms) ? undefined : ms
}

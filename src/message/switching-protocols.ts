/** What is asked for with `Upgrade`, and what may be answered with 101 (RFC 9110 sections 7.8 and 15.2.2). */
import { validateHeaderName, validateHeaderValue } from 'node:http'
import { responseHeaders } from './response-headers.js'

/** Names of protocols that carry HTTP again, past everything that is done here to requests: a way to smuggle them. */
const HTTP_AGAIN: ReadonlySet<string> = new Set(['http', 'h2', 'h2c', 'h3', 'tls'])

/** Is there one among the protocols of an `Upgrade` field that must not be passed on? */
export function carriesHttp(upgrade: string): boolean {
  return protocolsOf(upgrade).some((each) => {
    const slash = each.indexOf('/')
    return HTTP_AGAIN.has(slash === -1 ? each : each.slice(0, slash))
  })
}

/**
 * May a peer's 101 be passed on? Only if all that it names was asked for, and none of it carries HTTP again.
 * @param asked the client's `Upgrade`; several lines joined by commas.
 */
export function acceptsSwitch(asked: string, rawHeaders: readonly string[]): boolean {
  return switchedTo(asked, rawHeaders) !== undefined
}

/** What the peer has changed to, as it says it; undefined where it may not. */
export function switchedTo(asked: string, rawHeaders: readonly string[]): string | undefined {
  let upgrade: string | undefined
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== 'upgrade') continue
    const value = (rawHeaders[i + 1] ?? '').trim()
    upgrade = upgrade === undefined ? value : `${upgrade}, ${value}`
  }
  if (upgrade === undefined || carriesHttp(upgrade)) return undefined
  const wanted = protocolsOf(asked)
  return protocolsOf(upgrade).every((each) => each !== '' && wanted.includes(each))
    ? upgrade
    : undefined
}

/** Names are compared in any case. */
function protocolsOf(upgrade: string): string[] {
  return upgrade.split(',').map((each) => each.trim().toLowerCase())
}

/**
 * The fields of a 101: the peer's own, without those of its connection and without a length (RFC 9110 section 8.6), and
 * what it has changed to.
 */
export function switchingHeaders(rawHeaders: readonly string[], protocol: string): string[] {
  const fields = responseHeaders(rawHeaders, 'drop')
  const out: string[] = []
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? ''
    if (name.toLowerCase() !== 'content-length') out.push(name, fields[i + 1] ?? '')
  }
  out.push('Connection', 'Upgrade', 'Upgrade', protocol)
  return out
}

/** @throws TypeError for a head that Node would not write; here, before anything is done to the response. */
export function checkHead(statusMessage: string, fields: readonly string[]): void {
  validateHeaderValue('reason', statusMessage)
  for (let i = 0; i + 1 < fields.length; i += 2) {
    validateHeaderName(fields[i] ?? '')
    validateHeaderValue(fields[i] ?? '', fields[i + 1] ?? '')
  }
}

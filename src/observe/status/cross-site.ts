/** Does a request that changes something come from the page itself, or has another site made the browser send it? */
import type { IncomingMessage } from 'node:http'

/** Why it is refused; undefined: it is not. */
export function crossSiteRefusal({ headers }: IncomingMessage): string | undefined {
  const site = headers['sec-fetch-site']
  // Browsers write it themselves; no script can.
  if (site !== undefined && site !== 'same-origin') return 'another site has sent this request'
  const { origin } = headers
  if (site === undefined && origin !== undefined && !isOwn(origin, headers))
    return 'another site has sent this request'
  // A form cannot send either, and a script of another site only after asking (CORS), which nobody answers.
  const type = headers['content-type'] ?? ''
  const isJson = /^application\/json\s*(?:;|$)/i.test(type)
  if (headers['x-evenkeel'] === undefined && !isJson)
    return 'the header X-Evenkeel, or Content-Type: application/json, is required'
  return undefined
}

function isOwn(origin: string, headers: IncomingMessage['headers']): boolean {
  const host = headers.host ?? headers[':authority']
  try {
    const { host: from } = new URL(origin)
    return typeof host === 'string' && from !== '' && from === new URL(`http://${host}`).host
  } catch {
    return false
  }
}

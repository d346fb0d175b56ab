/** `proxy_pass`: scheme, name and URI (`ngx_http_proxy_pass`). */
import { hasVariable } from './import-arguments.js'

export interface ProxyPass {
  readonly scheme: 'http' | 'https'
  /** The upstream's name or an address; nginx's `$proxy_host` for the scheme's own port. */
  readonly host: string
  /** What stands behind it: undefined where nothing does, and the URI goes on as it came. */
  readonly uri: string | undefined
  /** There is a variable in it: nginx sends the URI for every request, in place of the path and query that were asked for. */
  readonly evaluated: boolean
}

/** A path may be a variable, too: `http://app$request_uri`. */
const URI = /[/?]|\$\{?(?:request_uri|uri|document_uri)\b/

/** `text` has the variables that are known put in. Undefined for what nginx calls an `invalid URL prefix`. */
export function parseProxyPass(text: string, written = text): ProxyPass | undefined {
  const [, given = '', rest = ''] = /^(https?):\/\/(.*)$/is.exec(text) ?? []
  const scheme = given.toLowerCase()
  if (scheme !== 'http' && scheme !== 'https') return undefined
  // A colon ends the path of a socket, and a URI follows.
  const end = rest.startsWith('unix:') ? rest.indexOf(':', 5) : rest.search(URI)
  const host = end === -1 ? rest : rest.slice(0, end)
  const uri = end === -1 ? undefined : rest.slice(rest[end] === ':' ? end + 1 : end)
  if (host === '') return undefined
  return { scheme, host, uri: uri === '' ? undefined : uri, evaluated: hasVariable(written) }
}

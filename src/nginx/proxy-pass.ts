/** `proxy_pass`: scheme, name and URI (`ngx_http_proxy_pass`). */
export interface ProxyPass {
  readonly scheme: 'http' | 'https'
  /** The upstream's name or an address; nginx's `$proxy_host` for the scheme's own port. */
  readonly host: string
  /** What stands behind it: undefined where nothing does, and the URI goes on as it came. */
  readonly uri: string | undefined
}

/** Undefined for what nginx calls an `invalid URL prefix`. */
export function parseProxyPass(text: string): ProxyPass | undefined {
  const [, given = '', rest = ''] = /^(https?):\/\/(.*)$/is.exec(text) ?? []
  const scheme = given.toLowerCase()
  if (scheme !== 'http' && scheme !== 'https') return undefined
  // A colon ends the path of a socket, and a URI follows.
  const end = rest.startsWith('unix:') ? rest.indexOf(':', 5) : rest.search(/[/?]/)
  const host = end === -1 ? rest : rest.slice(0, end)
  const uri = end === -1 ? undefined : rest.slice(rest[end] === ':' ? end + 1 : end)
  if (host === '') return undefined
  return { scheme, host, uri: uri === '' ? undefined : uri }
}

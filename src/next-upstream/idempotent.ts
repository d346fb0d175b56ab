/** Which methods may be repeated after they were sent. */

/** The methods that Node's parser knows and that the IANA registry marks idempotent (RFC 9110 section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(
  (
    'GET HEAD OPTIONS TRACE PUT DELETE QUERY PROPFIND PROPPATCH MKCOL COPY MOVE UNLOCK SEARCH REPORT ACL BIND REBIND ' +
    'UNBIND LINK UNLINK MKACTIVITY MKCALENDAR CHECKOUT MERGE'
  ).split(' '),
)

/** nginx's list of those that it does not repeat (`ngx_http_upstream_next`). */
const NGINX_NON_IDEMPOTENT: ReadonlySet<string> = new Set(['POST', 'LOCK', 'PATCH'])

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method)
}

export function isIdempotentForNginx(method: string): boolean {
  return !NGINX_NON_IDEMPOTENT.has(method)
}

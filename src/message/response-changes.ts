/** What the options change in a response before it goes to the client. */
import type { IncomingMessage } from 'node:http'
import type { MessageConfig } from '../config/types.js'
import type { ResponseContext, UpstreamResponseHead } from '../message-options.js'
import type { RequestHead } from '../transport/transport.js'
import type { Peer } from '../upstream/peer.js'
import type { PeerList } from './own-addresses.js'
import { compileCookieRules } from './cookie-attributes.js'
import { compileHeaderChanges } from './header-changes.js'
import { changedRefresh, compileRedirect } from './redirect.js'
import type { ChangeUrl, RedirectSource } from './redirect.js'
import type { ClientResponse } from './relay.js'
import { callResponseHook } from './response-hook.js'
import { appendVia, viaValue } from './via.js'

/** Which options change responses. */
export type ResponseChangeOptions = Pick<
  MessageConfig,
  | 'via'
  | 'responseHeaders'
  | 'rewrite'
  | 'mountPath'
  | 'redirect'
  | 'cookieDomain'
  | 'cookiePath'
  | 'onUpstreamResponse'
>

/** Whose response it is. The exchange is one. */
interface ResponseOwner {
  readonly req: IncomingMessage
  readonly res: ClientResponse
}

export interface ResponseChanges {
  /**
   * Changes the list in place: `Location`, `Refresh`, `Set-Cookie`, `Via`. With the defaults it looks at the lengths
   * of the names, and makes nothing. Throws only what a user's `redirect` throws, or a ChangeError for what it returns.
   * @param sent the head that the peer saw
   */
  fields(
    fields: string[],
    owner: ResponseOwner,
    sent: RequestHead,
    peer: Peer,
    status: number,
  ): void
  /**
   * `responseHeaders`, then `onUpstreamResponse`; undefined when neither is configured. To be called after `fields`.
   * Changes the head in place; its framing is then right for its body and the client's method. A promise only where
   * the hook has returned one. Not for 101.
   */
  readonly head:
    | ((head: UpstreamResponseHead, context: ResponseContext) => undefined | Promise<undefined>)
    | undefined
}

/** Undefined when nothing is to be changed. */
export function compileResponseChanges(
  config: ResponseChangeOptions,
  group: PeerList,
): ResponseChanges | undefined {
  const redirect = compileRedirect(config, group)
  const cookie = compileCookieRules({ domain: config.cookieDomain, path: config.cookiePath })
  // Peers are spoken to in HTTP/1.1.
  const via = config.via === undefined ? undefined : viaValue('1.1', config.via)
  const head = compileHead(config)
  if (redirect === undefined && cookie === undefined && via === undefined && head === undefined) {
    return undefined
  }
  return {
    fields(fields, owner, sent, peer, status) {
      for (let i = 0; i + 1 < fields.length; i += 2) {
        const name = fields[i] ?? ''
        const value = fields[i + 1] ?? ''
        if (redirect !== undefined && isRedirect(name)) {
          const { req: request, res: response } = owner
          const source = { request, response, sent, peer, status }
          fields[i + 1] = redirected(name, value, source, redirect)
        } else if (cookie !== undefined && isSetCookie(name)) {
          fields[i + 1] = cookie(value)
        }
      }
      if (via !== undefined) appendVia(fields, via)
    },
    head,
  }
}

function compileHead({
  responseHeaders,
  onUpstreamResponse: hook,
}: ResponseChangeOptions): ResponseChanges['head'] {
  const change = compileHeaderChanges(responseHeaders, 'responseHeaders')
  if (hook === undefined) {
    return (
      change &&
      ((head, context) => {
        change(head.headers, context)
        return undefined
      })
    )
  }
  return (head, context) => {
    change?.(head.headers, context)
    return callResponseHook(hook, head, context)
  }
}

function redirected(
  name: string,
  value: string,
  source: RedirectSource,
  redirect: ChangeUrl,
): string {
  if (name.length === LOCATION.length) return redirect(value, source)
  return changedRefresh(value, (url) => redirect(url, source))
}

const LOCATION = 'location'
const REFRESH = 'refresh'
const SET_COOKIE = 'set-cookie'

/** The length first: it spares most names the lower-casing. */
function isRedirect(name: string): boolean {
  if (name.length === LOCATION.length) return name.toLowerCase() === LOCATION
  return name.length === REFRESH.length && name.toLowerCase() === REFRESH
}

function isSetCookie(name: string): boolean {
  return name.length === SET_COOKIE.length && name.toLowerCase() === SET_COOKIE
}

/** `Location` and `Refresh` that point to where clients cannot or should not go (nginx `proxy_redirect`). */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { MessageConfig } from '../config/types.js'
import type { RedirectRule, ResponseContext, RewriteRule } from '../message-options.js'
import type { RequestHead } from '../transport/transport.js'
import type { Peer } from '../upstream/peer.js'
import { ChangeError } from './change-error.js'
import { isFieldValue } from './field-rules.js'
import { OwnAddresses } from './own-addresses.js'
import type { PeerList } from './own-addresses.js'
import { replacedByPattern, replacedPrefix } from './pattern.js'
import { clientTarget, mountOf } from './request-changes.js'
import { ruleFor } from './rewrite.js'

/** A response, and the request that it answers. */
export interface RedirectSource {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The head that the peer saw. */
  readonly sent: RequestHead
  readonly peer: Peer
  readonly status: number
}

/** Returns the URL itself, byte for byte, where it is to stay. */
export type ChangeUrl = (url: string, source: RedirectSource) => string

/** Undefined when nothing is changed. */
export function compileRedirect(
  config: Pick<MessageConfig, 'redirect' | 'rewrite' | 'mountPath'>,
  group: PeerList,
): ChangeUrl | undefined {
  const { redirect } = config
  if (redirect === 'off') return undefined
  if (redirect === 'default') {
    const addresses = new OwnAddresses(group)
    return (url, source) => byDefault(url, source, addresses, config)
  }
  if (typeof redirect === 'function') return (url, source) => byFunction(url, source, redirect)
  return redirect.length === 0 ? undefined : (url) => byRules(url, redirect)
}

/** The whole of a `Refresh` with its URL changed: `5; url=http://…`, the URL in quotes or not. */
export function changedRefresh(value: string, change: (url: string) => string): string {
  const start = BEFORE_URL.exec(value)?.[0].length ?? 0
  const quote = value.charAt(start)
  const quoted = quote === '"' || quote === "'"
  const from = quoted ? start + 1 : start
  const closing = quoted ? value.indexOf(quote, from) : -1
  const to = closing === -1 ? value.length : closing
  if (from === to) return value
  return value.slice(0, from) + change(value.slice(from, to)) + value.slice(to)
}

/** As browsers read it (HTML, "shared declarative refresh steps"): each part may be missing. */
const BEFORE_URL = /^[\d.\t ]*[;,]?[\t ]*(?:url[\t ]*=[\t ]*)?/i

function byFunction(
  url: string,
  { request, response, peer, status }: RedirectSource,
  redirect: (location: string, context: ResponseContext) => string,
): string {
  const made: unknown = redirect(url, { request, response, peer, status })
  if (made === url) return url
  if (typeof made === 'string' && isFieldValue(made)) return made
  throw new ChangeError('redirect', 'must return a text without control characters', made)
}

function byRules(url: string, rules: readonly RedirectRule[]): string {
  for (const { from, to } of rules) {
    const changed =
      typeof from === 'string' ? replacedPrefix(from, to, url) : replacedByPattern(from, to, url)
    if (changed === undefined) continue
    return isNetworkPath(to) || isNetworkPath(url) ? changed : asPath(changed)
  }
  return url
}

/** nginx's `proxy_redirect default`, and a reference without a host: nothing that a client has sent is believed. */
function byDefault(
  url: string,
  source: RedirectSource,
  addresses: OwnAddresses,
  { rewrite, mountPath }: Pick<MessageConfig, 'rewrite' | 'mountPath'>,
): string {
  const rest = addresses.pathOf(url, source)
  if (rest === undefined) return url
  const { request } = source
  let path = rest.startsWith('/') ? rest : `/${rest}`
  if (typeof rewrite === 'object') {
    path = unrewritten(path, rewrite, originForm(clientTarget(request, mountPath)))
  }
  return asPath(mountPath === 'strip' ? mountOf(request) + path : path)
}

/**
 * The path by which clients reach what peers have at `path`: through the rule that this request went through, else
 * through another. What went through none comes back through none. Only a prefix can be turned around.
 */
function unrewritten(path: string, rules: readonly RewriteRule[], target: string): string {
  const used = ruleFor(rules, target)
  if (used === undefined) return path
  for (const { from, to } of [used, ...rules]) {
    const turned = typeof from === 'string' ? replacedPrefix(to, from, path) : undefined
    if (turned !== undefined) return turned
  }
  return path
}

/** An absolute URI without its authority (RFC 9112 section 3.2.2). */
function originForm(target: string): string {
  return target.replace(/^https?:\/\/[^/?]*/i, '')
}

/** `//host/` is no path but leads to another host (RFC 3986 section 4.2); browsers read a backslash as a slash. */
function asPath(reference: string): string {
  return isNetworkPath(reference) ? `/.${reference}` : reference
}

function isNetworkPath(reference: string): boolean {
  return /^[/\\]{2}/.test(reference)
}

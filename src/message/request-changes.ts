/** What the options change in a request before it goes out. */
import type { IncomingMessage } from 'node:http'
import type { MessageConfig } from '../config/types.js'
import type { OnUpstreamRequest, RequestContext, UpstreamRequestHead } from '../message-options.js'
import { ChangeError } from './change-error.js'
import { isToken } from './field-rules.js'
import { isHost } from './fields.js'
import { compileHeaderChanges } from './header-changes.js'
import { checkFields, dropConnectionFields, isReadable, isThenable } from './hook-result.js'
import { destroyAfter } from './replaced-body.js'
import { compileRewrite } from './rewrite.js'
import type { Rewrite } from './rewrite.js'

/** Which options change requests. */
export type RequestChangeOptions = Pick<
  MessageConfig,
  'rewrite' | 'requestHeaders' | 'onUpstreamRequest'
>

export interface RequestChanges {
  /**
   * Changes the head in place: `rewrite`, `requestHeaders`, `onUpstreamRequest`. A promise only where the hook has
   * returned one. Throws what a user's function throws, and {@link ChangeError} for what cannot be sent.
   */
  apply(head: UpstreamRequestHead, context: RequestContext): undefined | Promise<undefined>
}

/** Undefined when nothing is to be changed. */
export function compileRequestChanges(config: RequestChangeOptions): RequestChanges | undefined {
  const rewrite = compileRewrite(config.rewrite)
  const changeHeaders = compileHeaderChanges(config.requestHeaders, 'requestHeaders')
  const hook = config.onUpstreamRequest
  if (rewrite === undefined && changeHeaders === undefined && hook === undefined) return undefined
  return {
    apply(head, context) {
      if (rewrite !== undefined) head.target = rewritten(head.target, rewrite, context)
      changeHeaders?.(head.headers, context)
      return hook === undefined ? undefined : callHook(hook, head, context)
    },
  }
}

const HOOK = 'onUpstreamRequest'

function rewritten(target: string, rewrite: Rewrite, context: RequestContext): string {
  const changed = rewrite(target, context)
  if (changed !== target) checkTarget(changed, 'rewrite')
  return changed
}

function callHook(
  hook: OnUpstreamRequest,
  head: UpstreamRequestHead,
  context: RequestContext,
): undefined | Promise<undefined> {
  const { method, target, headers } = head
  const before = headers.raw.slice()
  const finish = (): undefined => {
    checkHead(head, { method, target, headers }, before)
  }
  const fail = (error: unknown): never => {
    if (isReadable(head.body)) destroyAfter(head.body, context.request, context.response)
    throw error
  }
  try {
    const returned: unknown = hook(head, context)
    return isThenable(returned) ? Promise.resolve(returned).then(finish).catch(fail) : finish()
  } catch (error) {
    return fail(error)
  }
}

function checkHead(
  head: UpstreamRequestHead,
  { method, target, headers }: Omit<UpstreamRequestHead, 'body'>,
  before: readonly string[],
): void {
  if (head.headers !== headers) {
    throw new ChangeError(HOOK, 'head.headers must stay the list that it is', head.headers)
  }
  checkBody(head.body)
  if (head.method !== method) checkMethod(head.method)
  if (head.target !== target) checkTarget(head.target, HOOK)
  checkFields(headers, HOOK, before)
  checkHosts(headers.getAll('host'))
  dropConnectionFields(headers, before)
}

function checkMethod(method: unknown): void {
  if (typeof method !== 'string' || !isToken(method)) {
    throw new ChangeError(HOOK, 'head.method must be a token (RFC 9110)', method)
  }
  // Node sends it in capitals.
  const sent = method.toUpperCase()
  if (sent === 'CONNECT') throw new ChangeError(HOOK, 'head.method must not be CONNECT', method)
  // The client would wait for a body that never comes.
  if (sent === 'HEAD') throw new ChangeError(HOOK, 'head.method must not become HEAD', method)
}

/** RFC 9112 section 3.2: origin form or asterisk form, in bytes that Node sends as they are. */
function checkTarget(target: unknown, option: string): void {
  if (typeof target === 'string' && (target === '*' || /^\/[\x21-\x7e\x80-\xff]*$/.test(target))) {
    return
  }
  const rule = 'the target must begin with / or be *, and hold no space or control character'
  throw new ChangeError(option, rule, target)
}

/** RFC 9112 section 3.2. None is right: then it is the peer's own name. */
function checkHosts(hosts: readonly string[]): void {
  const [host = ''] = hosts
  if (hosts.length > 1) throw new ChangeError(HOOK, 'Host must be there at most once', hosts)
  if (!isHost(host))
    throw new ChangeError(HOOK, 'Host must be a host name, perhaps with a port', host)
}

function checkBody(body: unknown): void {
  if (body === undefined || body === null) return
  if (typeof body === 'string' || body instanceof Uint8Array || isReadable(body)) return
  const rule = 'head.body must be undefined, null, a text, bytes or a Readable'
  throw new ChangeError(HOOK, rule, body)
}

/** The target as peers are to see it, before `rewrite`: below the mount path, or the whole of it. */
export function clientTarget(req: IncomingMessage, mountPath: 'strip' | 'keep'): string {
  return (mountPath === 'keep' ? originalUrl(req) : undefined) ?? req.url ?? '/'
}

/** The path under which the balancer is mounted, as the client wrote it; `''` at the root. */
export function mountOf(req: IncomingMessage): string {
  const { baseUrl } = req as { readonly baseUrl?: unknown }
  if (typeof baseUrl === 'string') return asMount(baseUrl)
  const whole = originalUrl(req)
  const { url } = req
  if (whole === undefined || url === undefined || whole === url) return ''
  // Connect gives an absolute form its authority back, and a slash to what begins with the query.
  const below = url.replace(AUTHORITY, '')
  for (const rest of [below, below.slice(1)]) {
    if (whole.endsWith(rest)) {
      return asMount(whole.slice(0, whole.length - rest.length).replace(AUTHORITY, ''))
    }
  }
  return ''
}

const AUTHORITY = /^https?:\/\/[^/?]*/i

function asMount(path: string): string {
  if (!path.startsWith('/') || path.includes('?')) return ''
  let end = path.length
  while (end > 0 && path[end - 1] === '/') end--
  return path.slice(0, end)
}

/** Connect and Express keep there what the client asked for. */
function originalUrl(req: IncomingMessage): string | undefined {
  const { originalUrl } = req as { readonly originalUrl?: unknown }
  return typeof originalUrl === 'string' ? originalUrl : undefined
}

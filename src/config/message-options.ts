/** The options that change messages. */
import { isToken } from '../message/field-rules.js'
import type { RequestContext, ResponseContext } from '../message-options.js'
import type { BalancerOptions } from '../options.js'
import { readHeaderChanges } from './header-options.js'
import { COOKIE_DOMAIN, COOKIE_PATH, readRules, REDIRECT, REWRITE } from './rules.js'
import type { Section } from './section.js'
import type { MessageConfig } from './types.js'

const FORWARDED = ['x-forwarded', 'forwarded', 'both', 'none'] as const

export function readMessages(options: Section<BalancerOptions>): MessageConfig {
  return {
    forwarded: options.choice('forwarded', FORWARDED, 'x-forwarded'),
    via: readVia(options),
    requestHeaders: readHeaderChanges<RequestContext>(options, 'requestHeaders'),
    responseHeaders: readHeaderChanges<ResponseContext>(options, 'responseHeaders'),
    rewrite: readRewrite(options),
    mountPath: options.choice('mountPath', ['strip', 'keep'], 'strip'),
    redirect: readRedirect(options),
    cookieDomain: readRules(options, 'cookieDomain', COOKIE_DOMAIN),
    cookiePath: readRules(options, 'cookiePath', COOKIE_PATH),
    onUpstreamRequest: options.callback('onUpstreamRequest'),
    onUpstreamResponse: options.callback('onUpstreamResponse'),
    interceptErrors: options.callback('interceptErrors'),
    ignoreClientAbort: options.boolean('ignoreClientAbort', false),
  }
}

/** RFC 9110 section 7.6.3: a pseudonym is a token. */
function readVia(options: Section<BalancerOptions>): string | undefined {
  const value = options.value('via')
  if (value === undefined || value === false) return undefined
  if (value === true) return 'evenkeel'
  if (typeof value === 'string' && isToken(value)) return value
  options.reject('via', 'must be true, false or a name (a token of RFC 9110)')
  return undefined
}

function readRewrite(options: Section<BalancerOptions>): MessageConfig['rewrite'] {
  const rewrite = options.functionOf('rewrite')
  if (rewrite !== undefined || !options.given('rewrite')) return rewrite
  return readRules(options, 'rewrite', REWRITE, ', or a function')
}

function readRedirect(options: Section<BalancerOptions>): MessageConfig['redirect'] {
  const value = options.value('redirect')
  if (value === undefined || value === true) return 'default'
  if (value === false) return 'off'
  const redirect = options.functionOf('redirect')
  return redirect ?? readRules(options, 'redirect', REDIRECT, ', true, false or a function')
}

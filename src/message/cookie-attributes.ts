/** `Domain` and `Path` of `Set-Cookie` (nginx `proxy_cookie_domain`, `proxy_cookie_path`; RFC 6265 section 5.2). */
import type { CookieRule } from '../message-options.js'
import { replacedByPattern, replacedPrefix } from './pattern.js'

export interface CookieRules {
  readonly domain: readonly CookieRule[]
  readonly path: readonly CookieRule[]
}

/** Returns the line itself, byte for byte, where no rule fits. */
export type ChangeCookie = (line: string) => string

/** Undefined when there are no rules. */
export function compileCookieRules({ domain, path }: CookieRules): ChangeCookie | undefined {
  if (domain.length + path.length === 0) return undefined
  const domains = domain.map(({ from, to }) => ({ from: bareDomain(from), to }))
  return (line) => changedCookie(line, domains, path)
}

/** In any case, and with a dot at its beginning or without, it is the same domain. */
function bareDomain(from: string | RegExp): string | RegExp {
  return typeof from === 'string' ? from.replace(/^\./, '').toLowerCase() : from
}

/** What is not the value of such an attribute stays as it is: spaces, the names' case, quotes, unknown attributes. */
function changedCookie(
  line: string,
  domain: readonly CookieRule[],
  path: readonly CookieRule[],
): string {
  let end = line.indexOf(';')
  if (end === -1) return line
  let out = line.slice(0, end)
  while (end !== -1) {
    const start = end
    end = line.indexOf(';', start + 1)
    const attribute = line.slice(start, end === -1 ? line.length : end)
    out += changedAttribute(attribute, domain, path)
  }
  return out
}

/** `attribute` begins with its semicolon. */
function changedAttribute(
  attribute: string,
  domain: readonly CookieRule[],
  path: readonly CookieRule[],
): string {
  const equals = attribute.indexOf('=')
  if (equals === -1) return attribute
  const name = trimmed(attribute.slice(1, equals)).toLowerCase()
  if (name !== 'domain' && name !== 'path') return attribute
  const rest = attribute.slice(equals + 1)
  const value = trimmed(rest)
  const changed = name === 'domain' ? changedDomain(value, domain) : changedPath(value, path)
  if (changed === undefined) return attribute
  if (changed === '' && name === 'domain') return ''
  const at = equals + 1 + spacesBefore(rest)
  return attribute.slice(0, at) + changed + attribute.slice(at + value.length)
}

/** A dot at the beginning says nothing (RFC 6265 section 5.2.3); where there is one, it stays. */
function changedDomain(value: string, rules: readonly CookieRule[]): string | undefined {
  const dot = value.startsWith('.') ? '.' : ''
  const bare = value.slice(dot.length).toLowerCase()
  for (const { from, to } of rules) {
    if (typeof from === 'string') {
      if (bare !== from) continue
      return to === '' || to.startsWith('.') ? to : dot + to
    }
    const changed = replacedByPattern(from, to, value)
    if (changed !== undefined) return changed
  }
  return undefined
}

function changedPath(value: string, rules: readonly CookieRule[]): string | undefined {
  for (const { from, to } of rules) {
    const changed =
      typeof from === 'string'
        ? replacedPrefix(from, to, value)
        : replacedByPattern(from, to, value)
    if (changed !== undefined) return changed
  }
  return undefined
}

/** Spaces and tabs, and no other characters that JavaScript takes for white space. */
function trimmed(text: string): string {
  let end = text.length
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(Math.min(spacesBefore(text), end), end)
}

function spacesBefore(text: string): number {
  let start = 0
  while (start < text.length && isSpace(text.charCodeAt(start))) start++
  return start
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09
}

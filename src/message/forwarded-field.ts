/** `Forwarded` (RFC 7239): written, and read as far as it is well-formed. */
import { isIP } from 'node:net'
import { isHost } from './fields.js'

/** Of one hop: `for=192.0.2.1;proto=https;host="example.com:8443"`. Without an address: `for=unknown`. */
export function forwardedElement(
  address: string | undefined,
  proto: string | undefined,
  host: string | undefined,
): string {
  let element = `for=${nodeOf(address)}`
  if (proto !== undefined) element += `;proto=${proto}`
  if (host !== undefined) element += `;host=${isToken(host) ? host : `"${host}"`}`
  return element
}

/**
 * What `X-Forwarded-For` says, in these words (RFC 7239 section 7.4). The other fields are about the first hop. Texts
 * that are no addresses become `unknown`.
 */
export function forwardedFromChain(
  chain: string,
  proto: string | undefined,
  host: string | undefined,
): string {
  const known = proto === 'http' || proto === 'https' ? proto : undefined
  const named = host !== undefined && host !== '' && isHost(host) ? host : undefined
  let list = ''
  for (const part of chain.split(',')) {
    const address = part.trim()
    if (address === '') continue
    if (list === '') list = forwardedElement(address, known, named)
    else list += `, for=${nodeOf(address)}`
  }
  return list
}

/**
 * The addresses of all `for`, as `X-Forwarded-For` would list them. Read from the right, where the nearest proxy
 * writes, as far as each element is well-formed and has an address: whatever is left of that may be a stranger's.
 * Ports are left out. undefined: there is none.
 */
export function chainOf(forwarded: string): string | undefined {
  let chain: string | undefined
  let quoted = false
  let end = forwarded.length
  for (let i = end - 1; i >= -1; i--) {
    const code = i === -1 ? COMMA : forwarded.charCodeAt(i)
    if (code === QUOTE && !isEscaped(forwarded, i)) quoted = !quoted
    if (code !== COMMA || quoted) continue
    const element = forwarded.slice(i + 1, end).trim()
    end = i
    // Empty members of a list are to be ignored (RFC 9110 section 5.6.1.2).
    if (element === '') continue
    const address = addressOf(element)
    if (address === undefined) return chain
    chain = chain === undefined ? address : `${address}, ${chain}`
  }
  return chain
}

const COMMA = 0x2c
const QUOTE = 0x22
const BACKSLASH = 0x5c
const SEMICOLON = 0x3b

function isEscaped(text: string, at: number): boolean {
  let slashes = 0
  while (at > slashes && text.charCodeAt(at - slashes - 1) === BACKSLASH) slashes++
  return slashes % 2 === 1
}

/** The address in one element's `for`; undefined if it has none, or is not `token=value;token=value …` throughout. */
function addressOf(element: string): string | undefined {
  let node: string | undefined
  let at = 0
  for (;;) {
    const equals = element.indexOf('=', at)
    if (equals === -1 || !isToken(element.slice(at, equals))) return undefined
    const end = valueEnd(element, equals + 1)
    if (end === -1) return undefined
    if (element.slice(at, equals).toLowerCase() === 'for') {
      if (node !== undefined) return undefined
      node = element.slice(equals + 1, end)
    }
    if (end === element.length) return node === undefined ? undefined : addressOfNode(node)
    if (element.charCodeAt(end) !== SEMICOLON) return undefined
    at = end + 1
  }
}

/** Where a token or a quoted text that begins at `start` is over; -1: it is neither. */
function valueEnd(text: string, start: number): number {
  let i = start
  if (text.charCodeAt(start) !== QUOTE) {
    while (i < text.length && isTokenCode(text.charCodeAt(i))) i++
    return i === start ? -1 : i
  }
  for (i++; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) return i + 1
    if (code === BACKSLASH) i++
  }
  return -1
}

/** `192.0.2.1`, `"192.0.2.1:80"`, `"[2001:db8::1]:80"`; obfuscated ones and `unknown` are no addresses. */
function addressOfNode(node: string): string | undefined {
  if (node.charCodeAt(0) !== QUOTE) return isIP(node) === 4 ? node : undefined
  const text = node.slice(1, -1)
  const bracket = text.startsWith('[') ? text.indexOf(']') : -1
  const colon = text.indexOf(':', bracket + 1)
  const end = colon === -1 ? text.length : colon
  if (colon !== -1 && !isPort(text.slice(colon + 1))) return undefined
  if (bracket === -1) {
    const address = text.slice(0, end)
    return isIP(address) === 4 ? address : undefined
  }
  const address = text.slice(1, bracket)
  return bracket + 1 === end && isIP(address) === 6 ? address : undefined
}

/** Digits, or an obfuscated port (RFC 7239 section 6.2). */
function isPort(text: string): boolean {
  const obfuscated = text.startsWith('_')
  if (text.length < 1 || (!obfuscated && text.length > 5)) return false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (obfuscated ? !isTokenCode(code) : code < 0x30 || code > 0x39) return false
  }
  return true
}

/** A zone (`fe80::1%eth0`) means something on this machine only, and the grammar has no place for it. */
function nodeOf(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  const family = isIP(address)
  if (family === 4) return address
  if (family !== 6) return 'unknown'
  const zone = address.indexOf('%')
  return `"[${zone === -1 ? address : address.slice(0, zone)}]"`
}

function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!isTokenCode(text.charCodeAt(i))) return false
  return text !== ''
}

/** RFC 9110 section 5.6.2: letters, digits and ! # $ % & ' * + - . ^ _ ` | ~ */
function isTokenCode(code: number): boolean {
  if (code >= 0x30 && code <= 0x39) return true
  if (code >= 0x5e && code <= 0x7a) return true // ^ _ ` and small letters
  if (code >= 0x41 && code <= 0x5a) return true
  if (code === 0x21 || code === 0x7c || code === 0x7e) return true
  if (code >= 0x23 && code <= 0x27) return true
  return code === 0x2a || code === 0x2b || code === 0x2d || code === 0x2e
}

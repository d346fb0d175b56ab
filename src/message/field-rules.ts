/** What a header field may be (RFC 9110 section 5), and which fields are not for users to set. */

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Section 5.5: visible characters, space, tab, and bytes beyond ASCII. Node writes latin1, and nothing beyond it. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * Where a message ends and what becomes of its connection is for those to say who carry it: anything else makes
 * request smuggling possible (RFC 9110 section 7.6.1, RFC 9112 section 11.2).
 */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Names of fields whose values are not for logs. */
const SECRET = /auth|cookie|credential|key|passw|secret|session|token/i

export function isToken(text: string): boolean {
  return TOKEN.test(text)
}

export function isFieldValue(text: string): boolean {
  return FIELD_VALUE.test(text)
}

/** Framing and hop-by-hop fields, in any case. */
export function isConnectionField(name: string): boolean {
  switch (name.length) {
    case 2:
    case 6:
    case 7:
    case 10:
    case 14:
    case 16:
    case 17:
      return CONNECTION_FIELDS.has(name.toLowerCase())
    default:
      return false
  }
}

export function isSecretField(name: string): boolean {
  return SECRET.test(name)
}

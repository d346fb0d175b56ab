/** `Via` (RFC 9110 section 7.6.3): who has passed a message on, and what it came to them in. */

/** Our member of the list. `httpVersion`: of the message as we received it. */
export function viaValue(httpVersion: string, name: string): string {
  // HTTP/2 has no minor version.
  return `${httpVersion === '2.0' ? '2' : httpVersion} ${name}`
}

/** Adds a member to the last `Via` of `fields` (name, value, name, value …), or a line of its own at the end. */
export function appendVia(fields: string[], value: string): void {
  for (let i = fields.length - 2; i >= 0; i -= 2) {
    const name = fields[i] ?? ''
    if (name.length !== 3 || name.toLowerCase() !== 'via') continue
    const before = fields[i + 1] ?? ''
    fields[i + 1] = before === '' ? value : `${before}, ${value}`
    return
  }
  fields.push('Via', value)
}

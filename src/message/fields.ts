/** What request and response fields have in common. */

/** `:`, the first character of HTTP/2's pseudo fields. */
export const COLON = 0x3a

/** The usual `Connection` values name no field. */
export function isPlainOption(connection: string): boolean {
  return connection === 'keep-alive' || connection === 'close' || connection === 'Keep-Alive'
}

/** Lines of one field as one line. */
export function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`
}

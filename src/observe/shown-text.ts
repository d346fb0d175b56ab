/** Texts of strangers, as they are kept and shown: short, visible, and holding on to nothing longer. */

/** Characters that cannot be seen, or change the order of those that can. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

export function clip(text: string, longest: number): string {
  // What V8 cuts out of a text keeps all of it in memory: a copy does not.
  const copy = Buffer.from(text.slice(0, longest + 1)).toString()
  const shown = copy.replace(
    INVISIBLE,
    (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`,
  )
  return shown.length > longest ? `${shown.slice(0, longest - 1)}…` : shown
}

/** The path of a request target, without the query and without whoever is named before the host. */
export function pathOf(target: string, longest: number): string {
  const path = target.startsWith('/')
    ? target
    : target.replace(/^(?:[a-z][a-z0-9+.-]{0,30}:\/\/)?[^/?#]*/i, '')
  const end = path.search(/[?#]/)
  return clip(end === -1 ? path : path.slice(0, end), longest) || '/'
}

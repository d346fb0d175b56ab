/** Values in messages: short, on one line, and without secrets. Nothing that is shown may throw. */

const LONGEST = 60
const SECRET_OPTIONS: ReadonlySet<string> = new Set(['key', 'cert', 'pfx', 'passphrase'])

/** Stands in messages and problems for what must not be seen. */
export const HIDDEN = '(hidden)'

/** JSON-like text of at most 60 characters. */
export function show(value: unknown): string {
  return shorten(describe(value, 0))
}

/** What kind of thing it is, for values that must not be seen themselves. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** The value as a program may have it: credentials are cut out, objects are replaced by their text. */
export function safeValue(value: unknown): unknown {
  if (typeof value === 'string') return withoutCredentials(value)
  return typeof value === 'object' && value !== null ? show(value) : value
}

/** `upstream[2].weight`; a name that is no identifier is quoted. */
export function joinPath(path: string, name: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(name) || name.length > LONGEST) return `${path}[${show(name)}]`
  return path === '' ? name : `${path}.${name}`
}

function describe(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return quote(withoutCredentials(value))
    case 'bigint':
      return `${value}n`
    case 'symbol':
      return escapeInvisible(value.toString())
    case 'function':
      return 'a function'
    case 'object':
      return value === null ? 'null' : describeObject(value, depth)
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    default:
      return String(value)
  }
}

function describeObject(value: object, depth: number): string {
  try {
    if (Array.isArray(value)) return depth > 0 ? '[…]' : describeArray(value)
    // Only plain objects are looked into: a Buffer, a Map or an agent would spill what it holds.
    if (!isPlain(value)) return 'an object'
    return depth > 0 ? '{…}' : describePlain(value)
  } catch {
    return 'an object'
  }
}

function describeArray(value: readonly unknown[]): string {
  const items = Array.from(value.slice(0, LONGEST), (item) => describe(item, 1))
  return `[${items.join(',')}]`
}

/** Reads descriptors, so that no getter of the user's runs. */
function describePlain(value: object): string {
  const parts = Object.keys(value)
    .slice(0, LONGEST)
    .map((name) => {
      const descriptor = Object.getOwnPropertyDescriptor(value, name)
      if (descriptor === undefined || !('value' in descriptor)) return `${quote(name)}:…`
      const shown = SECRET_OPTIONS.has(name) ? HIDDEN : describe(descriptor.value, 1)
      return `${quote(name)}:${shown}`
    })
  return `{${parts.join(',')}}`
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function quote(text: string): string {
  return escapeInvisible(JSON.stringify(text.slice(0, 4 * LONGEST)))
}

function escapeInvisible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`,
  )
}

/** All before the last `@`, but for the scheme, of anything: also of what is no proper URL. */
function withoutCredentials(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:[/\\]{2})?[^]*@/i, `$1${HIDDEN}@`)
}

function shorten(text: string): string {
  const characters = Array.from(text)
  return characters.length > LONGEST ? `${characters.slice(0, LONGEST - 1).join('')}…` : text
}

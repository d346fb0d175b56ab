/** A piece of the page as a value: written as HTML by the server, put into the document by the browser. */

/** Texts are written as attributes; undefined: there is none. `memo`: what it was made of, and nothing else. */
export type Attributes = Readonly<Record<string, string | undefined>> | { readonly memo?: unknown }

/** Text, or an element with its attributes and what is in it. */
export type Tree = string | readonly [tag: string, attributes: Attributes, ...children: Tree[]]

const VOID: ReadonlySet<string> = new Set(['br', 'rect', 'path', 'polyline'])

/** Everything in it is text: none of it can become markup. */
export function toHtml(tree: Tree): string {
  if (typeof tree === 'string') return escapeHtml(tree)
  const [tag, attributes, ...children] = tree
  const written = Object.entries(attributes)
    .filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string' && entry[0] !== 'memo',
    )
    .map(([name, value]) => ` ${name}="${escapeHtml(value)}"`)
    .join('')
  const inner = children.map(toHtml).join('')
  if (tag === 'br') return `<br${written}>`
  return inner === '' && VOID.has(tag)
    ? `<${tag}${written}/>`
    : `<${tag}${written}>${inner}</${tag}>`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}

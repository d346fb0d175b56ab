/** The little of SVG that charts and flame graphs need. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** For text and for attributes. Control characters, which XML has no place for, are left out. */
export function escapeXml(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are the ones that XML 1.0 forbids
  const allowed = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
  return allowed.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}

type Attributes = Readonly<Record<string, string | number>>

function attributesOf(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${escapeXml(round(value))}"`)
    .join('')
}

function round(value: string | number): string {
  return typeof value === 'number' ? String(Math.round(value * 100) / 100) : value
}

/** An element around markup that is escaped already. */
export function element(name: string, attributes: Attributes, ...children: string[]): string {
  const head = `<${name}${attributesOf(attributes)}`
  return children.length === 0 ? `${head}/>` : `${head}>${children.join('')}</${name}>`
}

export function text(attributes: Attributes, content: string): string {
  return element('text', attributes, escapeXml(content))
}

export interface Drawing {
  readonly width: number
  readonly height: number
  /** For those who do not see it. */
  readonly title: string
  readonly style: string
}

export function drawing({ width, height, title, style }: Drawing, ...children: string[]): string {
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`,
      width: Math.ceil(width),
      height: Math.ceil(height),
      role: 'img',
    },
    element('title', {}, escapeXml(title)),
    element('style', {}, style),
    '\n',
    ...children.map((child) => `${child}\n`),
  )
}

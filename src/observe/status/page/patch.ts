/** Brings a document in line with a tree. What is the same stays: the focus, and what the reader has opened. */
import type { PageDocument, PageElement, PageNode } from './browser.js'
import type { Attributes, Tree } from './tree.js'
import { VIEW } from './view.js'

export const PATCH = {
  ...VIEW,

  patchChildren(document: PageDocument, parent: PageElement, children: readonly Tree[]): void {
    const keyed = this.keyedChildren(parent)
    let next = parent.firstChild
    for (const child of children) {
      const node = this.fitting(next, child, keyed) ?? this.made(document, parent, child)
      if (node === next) next = next.nextSibling
      else parent.insertBefore(node, next)
      if (typeof child === 'string') {
        if (node.data !== child) node.data = child
      } else this.patchElement(document, node as PageElement, child)
    }
    while (next !== null) {
      const gone = next
      next = next.nextSibling
      gone.remove()
    }
  },

  keyedChildren(parent: PageElement): Map<string, PageElement> {
    const keyed = new Map<string, PageElement>()
    for (let node = parent.firstChild; node !== null; node = node.nextSibling) {
      const key = node.nodeType === 1 ? (node as PageElement).getAttribute('data-key') : null
      if (key !== null) keyed.set(key, node as PageElement)
    }
    return keyed
  },

  /** The node that becomes this child; undefined: there is none yet. */
  fitting(
    next: PageNode | null,
    child: Tree,
    keyed: ReadonlyMap<string, PageElement>,
  ): PageNode | undefined {
    if (typeof child === 'string') return next?.nodeType === 3 ? next : undefined
    const [tag, attributes] = child
    const key = (attributes as Readonly<Record<string, unknown>>)['data-key']
    if (typeof key === 'string') return keyed.get(key)
    if (next?.nodeType !== 1) return undefined
    const element = next as PageElement
    const isSame =
      element.tagName.toLowerCase() === tag && element.getAttribute('data-key') === null
    return isSame ? element : undefined
  },

  made(document: PageDocument, parent: PageElement, child: Tree): PageNode {
    if (typeof child === 'string') return document.createTextNode(child)
    const [tag] = child
    const svg = 'http://www.w3.org/2000/svg'
    const namespace = tag === 'svg' ? svg : (parent.namespaceURI ?? '')
    return document.createElementNS(namespace, tag)
  },

  patchElement(document: PageDocument, element: PageElement, tree: Exclude<Tree, string>): void {
    const [, attributes, ...children] = tree
    const { memo } = attributes as { readonly memo?: unknown }
    if (memo !== undefined && element.memo === memo) return
    element.memo = memo
    this.patchAttributes(element, attributes)
    this.patchChildren(document, element, children)
  },

  patchAttributes(element: PageElement, attributes: Attributes): void {
    for (const { name } of [...element.attributes]) {
      // Whether it is open is the reader's business.
      if (name !== 'open' && !Object.hasOwn(attributes, name)) element.removeAttribute(name)
    }
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === 'string' && name !== 'memo' && element.getAttribute(name) !== value)
        element.setAttribute(name, value)
    }
  },
}

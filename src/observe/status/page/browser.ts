/** What the page needs of a browser: the sources are compiled without a browser's types. */

export interface PageNode {
  readonly nodeType: number
  data: string
  readonly nextSibling: PageNode | null
  remove(): void
}

export interface PageElement extends PageNode {
  readonly tagName: string
  readonly namespaceURI: string | null
  readonly firstChild: PageNode | null
  readonly attributes: Iterable<{ readonly name: string }>
  textContent: string | null
  className: string
  /** What it was made of. */
  memo?: unknown
  insertBefore(node: PageNode, before: PageNode | null): void
  getAttribute(name: string): string | null
  setAttribute(name: string, value: string): void
  removeAttribute(name: string): void
  closest(selector: string): PageElement | null
  addEventListener(event: string, listener: (event: PageEvent) => void): void
}

export interface PageDialog extends PageElement {
  showModal(): void
  close(): void
}

interface PageEvent {
  readonly target: PageElement
  readonly data: string
}

export interface PageDocument {
  getElementById(id: string): PageElement | null
  createElementNS(namespace: string, tag: string): PageElement
  createTextNode(text: string): PageNode
  addEventListener(event: string, listener: (event: PageEvent) => void): void
}

interface PageSource {
  readonly readyState: number
  addEventListener(event: string, listener: (event: PageEvent) => void): void
  close(): void
}

export interface PageWindow {
  readonly document: PageDocument
  readonly location: { readonly pathname: string }
  readonly EventSource: new (url: string) => PageSource
  fetch(
    url: string,
    options: { method: string; headers: Record<string, string> },
  ): Promise<{ readonly ok: boolean; text(): Promise<string> }>
  setInterval(run: () => void, ms: number): unknown
  setTimeout(run: () => void, ms: number): unknown
  now(): number
}

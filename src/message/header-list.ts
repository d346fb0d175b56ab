/** Header fields as they stand on the wire: in their order, in their case, repeated where they are. */

/** A view of a flat list (name, value, name, value …), as Node's `rawHeaders`. Names are matched in any case. */
export class HeaderList implements Iterable<readonly [name: string, value: string]> {
  readonly #raw: string[]

  constructor(raw: string[]) {
    this.#raw = raw
  }

  /** The list itself: what is changed there is changed here. */
  get raw(): string[] {
    return this.#raw
  }

  /** The first line of a field. */
  get(name: string): string | undefined {
    const i = this.#find(name, 0)
    return i === -1 ? undefined : this.#raw[i + 1]
  }

  /** Every line of a field, from the top. */
  getAll(name: string): string[] {
    const values: string[] = []
    for (let i = this.#find(name, 0); i !== -1; i = this.#find(name, i + 2)) {
      values.push(this.#raw[i + 1] ?? '')
    }
    return values
  }

  has(name: string): boolean {
    return this.#find(name, 0) !== -1
  }

  /** Puts the field in the place of its first line, or at the end; its other lines go. An empty list takes it out. */
  set(name: string, value: string | readonly string[]): void {
    const first = this.#find(name, 0)
    if (first === -1) {
      this.append(name, value)
      return
    }
    const lines = linesOf(name, value)
    this.delete(name)
    this.#raw.splice(first, 0, ...lines)
  }

  /** Adds lines at the end. */
  append(name: string, value: string | readonly string[]): void {
    this.#raw.push(...linesOf(name, value))
  }

  /** Takes out every line of a field. */
  delete(name: string): void {
    for (let i = this.#find(name, 0); i !== -1; i = this.#find(name, i)) this.#raw.splice(i, 2)
  }

  *[Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    for (let i = 0; i + 1 < this.#raw.length; i += 2) {
      yield [this.#raw[i] ?? '', this.#raw[i + 1] ?? '']
    }
  }

  #find(name: string, from: number): number {
    const wanted = name.toLowerCase()
    for (let i = from; i + 1 < this.#raw.length; i += 2) {
      const each = this.#raw[i] ?? ''
      if (each.length === name.length && each.toLowerCase() === wanted) return i
    }
    return -1
  }
}

function linesOf(name: string, value: string | readonly string[]): string[] {
  if (typeof value === 'string') return [name, value]
  const lines: string[] = []
  for (const line of value) lines.push(name, line)
  return lines
}

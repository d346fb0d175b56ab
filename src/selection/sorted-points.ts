/**
 * The points of a ring in order: to be searched, and changed without moving all the rest. They stand in pages of some
 * hundred. A point is one number, its hash and whose it is: together 53 bits, which is what a number holds exactly.
 */

/** Owners that points can belong to. */
export const MOST_OWNERS = 2 ** 21
/** Points of a page at most, and when it is new. */
const PAGE = 256
const FILL = 160

export function pointOf(hash: number, owner: number): number {
  return hash * MOST_OWNERS + owner
}

export function hashOf(point: number): number {
  return Math.floor(point / MOST_OWNERS)
}

export function ownerOf(point: number): number {
  return point % MOST_OWNERS
}

class Page {
  readonly points = new Float64Array(PAGE)
  size = 0

  get first(): number {
    return this.points[0] ?? 0
  }

  /** The first place that is not before the point. */
  placeOf(point: number): number {
    let low = 0
    let high = this.size
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.points[middle] ?? 0) < point) low = middle + 1
      else high = middle
    }
    return low
  }

  fill(points: Float64Array): void {
    this.points.set(points)
    this.size = points.length
  }

  /** Its upper half, which it has no more. */
  split(): Page {
    const upper = new Page()
    const half = this.size >>> 1
    upper.fill(this.points.subarray(half, this.size))
    this.size = half
    return upper
  }
}

export class SortedPoints {
  /** Never without a page; only the first may be empty. */
  #pages: Page[] = [new Page()]
  /** Points that each page begins with, or has begun with: they are not looked for in the pages. */
  #firsts: number[] = [0]
  #size = 0
  /** Where the last search has ended. */
  #page = 0
  #place = 0

  get size(): number {
    return this.#size
  }

  /** In place of all that were there. `points` is in no order. */
  fill(points: Float64Array): void {
    const sorted = inOrder(points)
    this.#size = sorted.length
    this.#pages = []
    for (let at = 0; at === 0 || at < sorted.length; at += FILL) {
      const page = new Page()
      page.fill(sorted.subarray(at, at + FILL))
      this.#pages.push(page)
    }
    this.#firsts = this.#pages.map(({ points: [first = 0] }) => first)
  }

  insert(point: number): void {
    const at = this.#pageOf(point)
    const page = this.#pages[at]
    if (page === undefined) return
    if (page.size === PAGE) {
      const upper = page.split()
      this.#pages.splice(at + 1, 0, upper)
      this.#firsts.splice(at + 1, 0, upper.first)
      this.insert(point)
      return
    }
    const place = page.placeOf(point)
    page.points.copyWithin(place + 1, place, page.size)
    page.points[place] = point
    page.size++
    this.#size++
    if (place === 0) this.#firsts[at] = point
  }

  remove(point: number): void {
    const at = this.#pageOf(point)
    const page = this.#pages[at]
    if (page === undefined) return
    const place = page.placeOf(point)
    if (place === page.size || page.points[place] !== point) return
    page.points.copyWithin(place, place + 1, page.size)
    page.size--
    this.#size--
    if (page.size > 0 || this.#pages.length === 1) return
    this.#pages.splice(at, 1)
    this.#firsts.splice(at, 1)
  }

  /** The first point with this hash or a greater one, around the ring. Undefined: there is none. */
  seek(hash: number): number | undefined {
    const point = pointOf(hash, 0)
    this.#page = this.#pageOf(point)
    const page = this.#pages[this.#page]
    this.#place = page === undefined ? 0 : page.placeOf(point)
    return this.#here(page)
  }

  /** The point after the one that was found last, around the ring. */
  after(): number | undefined {
    this.#place++
    return this.#here(this.#pages[this.#page])
  }

  #here(page: Page | undefined): number | undefined {
    if (page !== undefined && this.#place < page.size) return page.points[this.#place]
    if (this.#size === 0) return undefined
    this.#page = (this.#page + 1) % this.#pages.length
    this.#place = 0
    return this.#pages[this.#page]?.points[0]
  }

  /** The last page that begins with this point or before it; else the first. */
  #pageOf(point: number): number {
    let low = 0
    let high = this.#firsts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#firsts[middle] ?? 0) <= point) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** Hashes are even: laid out by their upper bits they are nearly in order, and insertion does the rest. */
function inOrder(points: Float64Array): Float64Array {
  const slots = 2 ** Math.max(0, Math.floor(Math.log2(points.length / 4)))
  const width = (2 ** 32 / slots) * MOST_OWNERS
  /** Where each slot begins, and then where its next point goes. */
  const places = new Uint32Array(slots + 1)
  for (const point of points) add(places, Math.floor(point / width) + 1, 1)
  for (let slot = 1; slot <= slots; slot++) add(places, slot, places[slot - 1] ?? 0)
  const sorted = new Float64Array(points.length)
  for (const point of points) sorted[add(places, Math.floor(point / width), 1)] = point
  for (let i = 1; i < sorted.length; i++) sink(sorted, i)
  return sorted
}

/** Returns what there was before. */
function add(numbers: Uint32Array, at: number, more: number): number {
  const before = numbers[at] ?? 0
  numbers[at] = before + more
  return before
}

/** To its place among those before it, which are in order. */
function sink(points: Float64Array, from: number): void {
  const point = points[from] ?? 0
  let at = from
  for (; at > 0; at--) {
    const before = points[at - 1] ?? 0
    if (before <= point) break
    points[at] = before
  }
  points[at] = point
}

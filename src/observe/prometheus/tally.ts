/** Counts of things that are told apart by a small number. */
export class Tally {
  readonly #counts: Float64Array

  constructor(size: number) {
    this.#counts = new Float64Array(size)
  }

  add(place: number): void {
    this.#counts[place] = (this.#counts[place] ?? 0) + 1
  }

  at(place: number): number {
    return this.#counts[place] ?? 0
  }
}

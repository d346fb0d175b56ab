/** What has been measured, as it is kept in docs/bench/growth.json. */

/** One point of a line. */
export interface Point {
  readonly value: number
  /** Microseconds of CPU a request: the median of the rounds. */
  readonly us: number
  /** Requests a second, of the same round. */
  readonly rate: number
  /** What went wrong; absent: nothing. */
  readonly trouble?: string
}

export interface Line {
  readonly contender: string
  readonly points: readonly Point[]
}

export interface Results {
  readonly node: string
  /** Dimension → its lines. */
  readonly dimensions: Readonly<Record<string, readonly Line[]>>
}

/** New lines in the place of old ones of the same name; what was not measured this time stays. */
export function merged(before: Results | undefined, now: Results): Results {
  const dimensions: Record<string, readonly Line[]> = { ...before?.dimensions }
  for (const [name, lines] of Object.entries(now.dimensions)) {
    const kept = (dimensions[name] ?? []).filter(
      (old) => !lines.some(({ contender }) => contender === old.contender),
    )
    dimensions[name] = [...kept, ...lines]
  }
  return { node: now.node, dimensions }
}

/** The middle one in time a request. */
export function medianOf(rounds: readonly Point[]): Point {
  const sorted = [...rounds].sort((a, b) => a.us - b.us)
  const median = sorted[Math.floor((sorted.length - 1) / 2)]
  if (median === undefined) throw new Error('nothing was measured')
  const trouble = rounds.find((round) => round.trouble !== undefined)?.trouble
  return trouble === undefined ? median : { ...median, trouble }
}

/** The attempts of a request, from nginx's `$upstream_*` variables. */

export interface Attempt {
  /** `10.0.0.1:80`, `unix:/path`; the upstream's name if no peer could be chosen. */
  readonly peer: string
  /** 0 for `-`. */
  readonly status: number
  /** Milliseconds, as the following; -1 if it is not known or was not reached. */
  readonly duration: number
  readonly connectTime: number
  readonly headerTime: number
  /** Bytes of the body; -1 if it is not known. */
  readonly length: number
  /** Counts up where nginx began again elsewhere (an internal redirect, ` : `). */
  readonly round: number
}

/** The variables as they stand in the log; empty if it does not have one. */
export interface AttemptTexts {
  readonly addr: string
  readonly status: string
  readonly response: string
  readonly connect: string
  readonly header: string
  readonly length: string
}

/** More than nginx ever makes is somebody's joke. */
const MOST_ATTEMPTS = 100

/**
 * One for each entry. The variables have as many entries each; what is missing in one is unknown.
 * Empty if nobody was asked at all (`-`).
 */
export function attemptsOf(texts: AttemptTexts): Attempt[] {
  const peers = entriesOf(texts.addr)
  const statuses = entriesOf(texts.status)
  const responses = entriesOf(texts.response)
  const connects = entriesOf(texts.connect)
  const headers = entriesOf(texts.header)
  const lengths = entriesOf(texts.length)
  const count = Math.min(Math.max(peers.items.length, statuses.items.length), MOST_ATTEMPTS)
  const rounds = peers.items.length === 0 ? statuses.rounds : peers.rounds
  return Array.from({ length: count }, (_, index) => ({
    peer: peers.items[index] ?? '',
    status: numberOf(statuses.items[index], 0),
    duration: millis(responses.items[index]),
    connectTime: millis(connects.items[index]),
    headerTime: millis(headers.items[index]),
    length: numberOf(lengths.items[index], -1),
    round: rounds[index] ?? 0,
  }))
}

interface Entries {
  readonly items: readonly string[]
  readonly rounds: readonly number[]
}

const NONE: Entries = { items: [], rounds: [] }

function entriesOf(text: string): Entries {
  if (text === '' || text === '-') return NONE
  if (!text.includes(' ')) return { items: [text], rounds: [0] }
  const items: string[] = []
  const rounds: number[] = []
  for (const [round, part] of text.split(' : ').entries()) {
    for (const item of part.split(', ')) {
      items.push(item)
      rounds.push(round)
    }
  }
  return { items, rounds }
}

function numberOf(text: string | undefined, none: number): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : none
}

function millis(text: string | undefined): number {
  return text !== undefined && /^\d{1,9}(\.\d{1,6})?$/.test(text)
    ? Math.round(Number(text) * 1000)
    : -1
}

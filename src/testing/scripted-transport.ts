/** A transport without sockets: every attempt comes to what a script says. */
import { systemClock } from '../clock.js'
import type { Clock } from '../clock.js'
import type { AttemptResult } from '../next-upstream/attempt-result.js'
import type { Attempt, AttemptSignal, Transport } from '../transport/transport.js'
import { AttemptRun } from './attempt-run.js'
import type { RecordedAttempt } from './attempt-run.js'
import type { Outcome } from './outcome.js'
import type { RequestBodyOptions } from './recording-sink.js'

/** What a scripted function is told. */
export interface OutcomeRequest {
  readonly attempt: Attempt
  /** Number of the attempt among all, from 0. */
  readonly n: number
  /** Number of the attempt among those at this peer, from 0. */
  readonly nOfPeer: number
}

export type OutcomeFunction = (request: OutcomeRequest) => Outcome | Promise<Outcome>

/** One outcome for every attempt, a function, or a list: one outcome for each attempt, and then an error. */
export type OutcomeScript = Outcome | OutcomeFunction | readonly Outcome[]

export interface ScriptedTransportOptions extends RequestBodyOptions {
  /** Where delays come from. Default: the system's clock. */
  clock?: Clock
  /** Default `'scripted'`. */
  name?: string
}

/** What {@link scriptedTransport} makes. */
export interface ScriptedTransport extends Transport {
  /** Every attempt so far, in order. */
  readonly attempts: readonly RecordedAttempt[]
  /** Names of the peers, in the order of the attempts. */
  readonly peers: readonly string[]
  /** Attempts with no result yet, or with a response that still flows or rests. */
  readonly inFlight: number
}

class Scripted implements ScriptedTransport {
  readonly name: string
  readonly attempts: AttemptRun[] = []
  readonly #script: OutcomeScript | Readonly<Record<string, OutcomeScript>>
  readonly #options: ScriptedTransportOptions
  #closed = false

  constructor(
    script: OutcomeScript | Readonly<Record<string, OutcomeScript>>,
    options: ScriptedTransportOptions,
  ) {
    this.#script = script
    this.#options = options
    this.name = options.name ?? 'scripted'
  }

  get peers(): readonly string[] {
    return this.attempts.map((run) => run.peer)
  }

  get inFlight(): number {
    return this.attempts.filter((run) => run.inFlight).length
  }

  async roundTrip(attempt: Attempt, signal: AttemptSignal): Promise<AttemptResult> {
    if (this.#closed) throw new Error('scriptedTransport: used after close()')
    if (signal.aborted) return { kind: 'aborted' }
    return new Promise((resolve, reject) => {
      const run = new AttemptRun(
        attempt,
        signal,
        this.#options.clock ?? systemClock,
        this.#options,
        resolve,
      )
      const request = {
        attempt,
        n: this.attempts.length,
        nOfPeer: this.attempts.filter((earlier) => earlier.peer === run.peer).length,
      }
      this.attempts.push(run)
      this.#outcome(request).then(
        (outcome) => run.play(outcome),
        (error: unknown) => {
          reject(error instanceof Error ? error : new Error('the script threw', { cause: error }))
          run.abort()
        },
      )
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const run of this.attempts) if (run.inFlight) run.abort()
    return Promise.resolve()
  }

  async #outcome(request: OutcomeRequest): Promise<Outcome> {
    const peer = request.attempt.peer.name
    if (isScript(this.#script)) return outcomeOf(this.#script, request, request.n, 'the script')
    const script = this.#script[peer] ?? this.#script['*']
    if (script === undefined) throw new Error(`scriptedTransport: no script for ${peer}`)
    return outcomeOf(script, request, request.nOfPeer, `the script of ${peer}`)
  }
}

function isScript(
  script: OutcomeScript | Readonly<Record<string, OutcomeScript>>,
): script is OutcomeScript {
  if (typeof script === 'function' || Array.isArray(script)) return true
  return typeof (script as { kind?: unknown }).kind === 'string'
}

async function outcomeOf(
  script: OutcomeScript,
  request: OutcomeRequest,
  index: number,
  what: string,
): Promise<Outcome> {
  if (typeof script === 'function') return script(request)
  if (!isList(script)) return script
  const outcome = script[index]
  if (outcome === undefined) {
    throw new Error(
      `scriptedTransport: ${what} has ${script.length} outcomes, and this is attempt ${index + 1}`,
    )
  }
  return outcome
}

function isList(script: Outcome | readonly Outcome[]): script is readonly Outcome[] {
  return Array.isArray(script)
}

/**
 * A transport whose attempts come to what `script` says: one script for all, or an object with one for each
 * peer by its `name` (`'*'` for all others). An attempt that the script does not foresee rejects.
 */
export function scriptedTransport(
  script: OutcomeScript | Readonly<Record<string, OutcomeScript>> = [],
  options: ScriptedTransportOptions = {},
): ScriptedTransport {
  return new Scripted(script, options)
}

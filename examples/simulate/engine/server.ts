/** A peer as it really is: some workers, a queue in front of them, and ways to fail. */
import type { Timer } from '../../../src/clock.js'
import type { SimulatedClock } from './clock.js'

/** What an attempt comes to. */
export type Result = 'answered' | 'unavailable' | 'refused' | 'broken_off' | 'timeout'

/**
 * `refusing`: nobody listens. `hanging`: connections are taken, and nothing is answered until it goes on. `unavailable`:
 * everything is answered with 503 at once.
 */
export type Condition = 'working' | 'refusing' | 'hanging' | 'unavailable'

export interface ServerSettings {
  /** Requests that are worked on at the same time; further ones wait. */
  readonly workers: number
  /** Milliseconds of work that a request is on average, where nothing is said of speed. */
  readonly work: number
}

/** Milliseconds until a connection is refused, or a 503 is there. */
const AT_ONCE = 1

/** One attempt, at the peer. */
class Job {
  /** Waiting, worked on, or nobody is interested any more. */
  state: 'waiting' | 'running' | 'gone' = 'waiting'
  timer: Timer | undefined

  constructor(
    readonly work: number,
    readonly done: (result: Result) => void,
  ) {}

  end(result: Result): void {
    this.timer?.cancel()
    this.state = 'gone'
    this.done(result)
  }
}

export class Server {
  readonly settings: ServerSettings
  /** How much longer than usual the work takes. */
  slowness: () => number = () => 1
  /** Attempts that are here now, from all balancers. */
  inFlight = 0
  mostInFlight = 0
  attempts = 0
  readonly #clock: SimulatedClock
  readonly #jobs = new Set<Job>()
  #waiting: Job[] = []
  /** While it hangs: their time was up, and they could not be answered. */
  #finished: Job[] = []
  #next = 0
  #busy = 0
  /** Another one after each restart: work that was begun before is lost. */
  #life = 0
  #condition: Condition = 'working'

  constructor(settings: ServerSettings, clock: SimulatedClock) {
    this.settings = settings
    this.#clock = clock
  }

  get condition(): Condition {
    return this.#condition
  }

  /** As when a process is killed, or restarted: what is under way breaks off. One that merely hangs goes on later. */
  become(condition: Condition): void {
    const paused = this.#condition === 'hanging' && condition === 'working'
    this.#condition = condition
    if (condition === 'hanging') return
    if (paused) this.#goOn()
    else this.#breakOff()
  }

  #goOn(): void {
    for (const job of this.#finished) if (job.state === 'running') job.end('answered')
    this.#finished = []
    this.#work()
  }

  #breakOff(): void {
    this.#life++
    this.#busy = 0
    this.#waiting = []
    this.#finished = []
    this.#next = 0
    const lost = [...this.#jobs]
    for (const job of lost) job.end('broken_off')
  }

  /** Calls `done` once. `work`: as a multiple of the average. */
  serve(work: number, timeout: number, done: (result: Result) => void): void {
    this.attempts++
    this.inFlight++
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight)
    const job = new Job(work, (result) => {
      this.#jobs.delete(job)
      this.inFlight--
      done(result)
    })
    const { condition } = this
    if (condition === 'refusing' || condition === 'unavailable') {
      const result = condition === 'refusing' ? 'refused' : 'unavailable'
      this.#clock.after(AT_ONCE, () => job.end(result))
      return
    }
    this.#jobs.add(job)
    // Work that was begun is carried on with: the peer does not look whether somebody still waits.
    job.timer = this.#clock.after(timeout, () => job.end('timeout'))
    this.#waiting.push(job)
    this.#work()
  }

  /** Would a probe find that step working? */
  proves(step: 'connect' | 'answer'): boolean {
    if (this.#condition === 'refusing') return false
    return step === 'connect' || this.#condition !== 'hanging'
  }

  #work(): void {
    while (this.#busy < this.settings.workers && this.#condition !== 'hanging') {
      const job = this.#takeWaiting()
      if (job === undefined) return
      if (job.state === 'waiting') this.#run(job)
    }
  }

  #run(job: Job): void {
    const life = this.#life
    this.#busy++
    job.state = 'running'
    this.#clock.after(job.work * this.settings.work * this.slowness(), () => {
      if (this.#life !== life) return
      this.#busy--
      if (this.#condition === 'hanging') {
        this.#finished.push(job)
        return
      }
      if (job.state === 'running') job.end('answered')
      this.#work()
    })
  }

  #takeWaiting(): Job | undefined {
    const job = this.#waiting[this.#next]
    if (job !== undefined) this.#next++
    // Those that have been taken are thrown away together.
    if (this.#next > 1000) {
      this.#waiting = this.#waiting.slice(this.#next)
      this.#next = 0
    }
    return job
  }
}

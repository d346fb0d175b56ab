/** A hub and workers without processes: messages in order, delayed by the test, through JSON as real ones are. */
import { fakeClock } from 'evenkeel/testing'
import type { FakeClock } from 'evenkeel/testing'
import { createBalancer } from 'evenkeel'
import type { Upstream, UpstreamOptions, ZoneChannel } from 'evenkeel'
import { parametersOf } from '../../../src/upstream/peer.js'
import { UpstreamHandle } from '../../../src/upstream-handle.js'
import type { PeerState } from '../../../src/upstream/peer.js'
import type { PeerRegistry } from '../../../src/upstream/registry.js'
import { ZoneHub } from '../../../src/zone/hub.js'

/** One direction: what is sent waits until it is let through. */
class Way {
  readonly waiting: { message: string; sent: () => void }[] = []
  listener: ((message: unknown) => void) | undefined
  /** Messages so far. */
  count = 0
  closed = false

  send(message: object, sent: () => void): void {
    if (this.closed) return
    this.count++
    this.waiting.push({ message: JSON.stringify(message), sent })
  }

  /** Lets one through. */
  step(): boolean {
    const next = this.waiting.shift()
    if (next === undefined) return false
    next.sent()
    if (!this.closed) this.listener?.(JSON.parse(next.message))
    return true
  }
}

export class Pipe {
  readonly up = new Way()
  readonly down = new Way()
  #closed: (() => void)[] = []

  readonly workerEnd: ZoneChannel = this.#end(this.up, this.down)
  readonly hubEnd: ZoneChannel = this.#end(this.down, this.up)

  #end(out: Way, back: Way): ZoneChannel {
    return {
      send: (message, sent) => out.send(message, sent),
      onMessage: (listener) => {
        back.listener = listener
        return () => (back.listener = undefined)
      },
      onClose: (listener) => {
        this.#closed.push(listener)
        return () => (this.#closed = this.#closed.filter((each) => each !== listener))
      },
    }
  }

  /** As when the process is killed: what is under way is lost. */
  cut(): void {
    this.up.closed = true
    this.down.closed = true
    for (const listener of [...this.#closed]) listener()
  }
}

export interface Worker {
  readonly pipe: Pipe
  readonly upstream: Upstream
  readonly registry: PeerRegistry
  readonly leads: boolean
  peer(name: string): PeerState
  /** `up`, `ejected` and so on, by name, in order. */
  readonly standing: Readonly<Record<string, string>>
}

export interface ZoneRig {
  readonly clock: FakeClock
  readonly hub: ZoneHub
  readonly workers: Worker[]
  start(options?: Partial<UpstreamOptions>): Worker
  /** Lets all messages through until there are none. */
  settle(): Promise<void>
  readonly messages: number
}

export function zoneRig(shared: Partial<UpstreamOptions> = {}): ZoneRig {
  const clock = fakeClock(1_000_000)
  const hub = new ZoneHub(clock)
  const workers: Worker[] = []
  const pipes: Pipe[] = []
  return {
    clock,
    hub,
    workers,
    start(options = {}) {
      const pipe = new Pipe()
      pipes.push(pipe)
      hub.connect(pipe.hubEnd)
      const worker = startWorker(pipe, clock, { ...shared, ...options })
      workers.push(worker)
      return worker
    },
    async settle() {
      for (let quiet = 0, steps = 0; quiet < 3; quiet++) {
        await Promise.resolve()
        await Promise.resolve()
        for (const { up, down } of pipes)
          for (const way of [up, down])
            while (way.step()) {
              quiet = 0
              if (++steps > 10_000) throw new Error('the workers do not come to rest')
            }
      }
    },
    get messages() {
      return pipes.reduce((sum, { up, down }) => sum + up.count + down.count, 0)
    },
  }
}

export function startWorker(
  pipe: Pipe,
  clock: FakeClock,
  options: Partial<UpstreamOptions>,
): Worker {
  const { peers = ['http://a:80', 'http://b:80'], ...rest } = options
  const balancer = createBalancer({
    upstream: peers,
    probe: false,
    clock,
    zone: { name: 'test', channel: pipe.workerEnd },
    ...rest,
  })
  const { upstream } = balancer
  if (!(upstream instanceof UpstreamHandle)) throw new Error('no upstream of ours')
  const { registry, zone } = upstream.parts
  const peer = (name: string): PeerState => {
    const found = registry.peers.find(({ hostname }) => hostname === name)
    if (found === undefined) throw new Error(`no peer ${name}`)
    return found
  }
  return {
    pipe,
    upstream,
    registry,
    peer,
    get leads() {
      return zone?.leads === true
    },
    get standing() {
      return Object.fromEntries(
        registry.peers.map((each) => [each.hostname, registry.status(each)]),
      )
    },
  }
}

/** All that workers have to agree on. */
export function knowledge({ registry }: Worker): unknown {
  return registry.peers.map((peer) => ({
    name: peer.name,
    ...parametersOf(peer),
    healthy: peer.healthy,
    marked: peer.ejectedUntil !== 0,
    fails: peer.fails,
    statusFails: peer.statusFails,
  }))
}

/** One failure, as a request meets it. */
export function fail(worker: Worker, name: string, reason: 'error' | 'status' = 'error'): void {
  const peer = worker.peer(name)
  worker.registry.taken(peer, worker.registry.clock.now())
  worker.registry.failed(peer, reason, 'answer')
  worker.registry.freed(peer, 'failed')
}

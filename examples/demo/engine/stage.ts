/** Upstream servers, a balancer behind a TLS edge, and clients: everything a scenario acts upon. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Trails } from './balancer-under-test.js'
import type { BalancerUnderTest, MakeBalancer } from './balancer-under-test.js'
import { Client } from './client.js'
import { Edge } from './edge.js'
import { judge } from './judge.js'
import type { Verdict } from './judge.js'
import { Load } from './load.js'
import { now, watchStalls } from './monotonic.mjs'
import { ReplayPeer } from './peer.js'

/** One failure (or none) played to its end. `script` starts the load; it is stopped afterwards. */
export interface Act {
  readonly name: string
  /** See `Evidence`: how long this act's balancer waits for a peer. */
  readonly patience?: number
  readonly script: (stage: Stage, load: Load) => Promise<void>
}

export class Stage {
  readonly trails = new Trails()
  /** The load of the act that is being played, or was the last. */
  load: Load
  readonly #standstills: { from: number; until: number }[] = []
  readonly #endWatch = watchStalls((from, until) => this.#standstills.push({ from, until }))
  #balancer: BalancerUnderTest | undefined

  /** Whatever the way out, nothing of ours is left on the disk. */
  readonly #clean = (): void => rmSync(this.folder, { recursive: true, force: true })

  private constructor(
    readonly peers: readonly ReplayPeer[],
    readonly edge: Edge,
    readonly client: Client,
    readonly folder: string,
  ) {
    this.load = new Load(client, 'none')
    process.once('exit', this.#clean)
  }

  static async open(count: number): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-replay-'))
    const peers: ReplayPeer[] = []
    while (peers.length < count) peers.push(await ReplayPeer.start(folder))
    const edge = await Edge.open()
    return new Stage(peers, edge, new Client(edge.port), folder)
  }

  /** Puts a balancer behind the edge, in place of the one before. */
  async balance<B extends BalancerUnderTest>(make: (urls: string[]) => B): Promise<B> {
    const before = this.#balancer
    const balancer = make(this.peers.map(({ url }) => url))
    this.trails.follow(balancer)
    this.edge.handler = balancer
    this.#balancer = balancer
    await before?.close()
    return balancer
  }

  async play(act: Act): Promise<Verdict> {
    const load = new Load(this.client, act.name)
    this.load = load
    const begun = now()
    try {
      await act.script(this, load)
    } finally {
      load.stop()
      await load.settled()
    }
    await this.trails.complete(load.answered.map(({ id }) => id))
    return judge({
      answered: load.answered,
      trail: (id) => this.trails.of(id),
      peers: this.peers.map(({ name, absences }) => ({
        name,
        absences: absences.filter(({ until }) => until > begun),
      })),
      executions: this.peers
        .flatMap((peer) => peer.executions())
        .filter((line) => line.includes(` ${act.name}-`)),
      standstills: this.#standstills,
      patience: act.patience ?? 0,
    })
  }

  async close(): Promise<void> {
    this.#endWatch()
    this.load.stop()
    this.client.close()
    await Promise.all([this.#balancer?.close(), this.edge.close()])
    await Promise.all(this.peers.map((peer) => peer.stop()))
    process.off('exit', this.#clean)
    this.#clean()
  }
}

/** A stage of its own for one act, taken down afterwards whatever happens. */
export async function playAlone(count: number, make: MakeBalancer, act: Act): Promise<Verdict> {
  const stage = await Stage.open(count)
  try {
    await stage.balance(make)
    return await stage.play(act)
  } finally {
    await stage.close()
  }
}

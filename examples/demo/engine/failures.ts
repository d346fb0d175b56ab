/** What goes wrong, one function each. All are bounded by the time they are given. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Poison } from './client.js'
import type { Load, Mix } from './load.js'
import { now } from './monotonic.mjs'
import type { ReplayPeer } from './peer.js'
import type { Stage } from './stage.js'

/** How peers are killed. */
type Crash = (peers: readonly ReplayPeer[], load: Load) => Promise<void>

export type Script = (stage: Stage, load: Load) => Promise<void>

/** However slow the machine: a failure is played at least this often. */
const TWICE = 2
/** And the end comes, however slow it is: so many times later than meant. */
const TOO_LONG = 8

/** Steady load in which one request in `every` asks for a broken URL. */
export function poisoned(mix: Mix, kind: Poison, every: number, ms: number): Script {
  return async (_stage, load) => {
    load.start({ ...mix, poison: { kind, every } })
    await sleep(ms)
    const end = now() + TOO_LONG * ms
    while (load.sent < TWICE * every && now() < end) await sleep(50)
  }
}

/** Steady load, and each second the same broken URL on one peer after the other: the incident's trigger. */
export function poisonedInARow(mix: Mix, kind: Poison, ms: number): Script {
  return async (stage, load) => {
    load.start(mix)
    const end = now() + ms
    for (let n = 0; n < TWICE || now() + 400 < end; n++) {
      await sleep(400)
      const hit = new Set<string | undefined>()
      for (
        let tries = 4 * stage.peers.length;
        tries > 0 && hit.size < stage.peers.length;
        tries--
      ) {
        hit.add((await load.poison(kind)).servedBy)
      }
      await sleep(Math.max(0, Math.min(600, end - now())))
    }
  }
}

const BURST = 20
/** A limit is learnt from closings at the same age: the first bursts against each come before that. */
const BURSTS_AT_EACH_LIMIT = 3
/** Around the idle limit, in milliseconds. */
const OFFSETS = [1, -3, 3, 6, -1, 2, -6, 4, 0, 9, -10]

/**
 * Bursts with silence between them for just as long as a peer keeps an idle connection: each meets connections that
 * are being closed at that very moment. The limits grow shorter, so that what was learnt is never enough for long.
 * The last fifth is steady load over the shortest limit.
 */
export function staleConnections(
  mix: Mix,
  limits: readonly number[],
  ms: number,
  announced: 'silent' | 'announced' = 'silent',
): Script {
  return async (stage, load) => {
    const share = (ms * 0.8) / limits.length
    let round = 0
    for (const limit of limits) {
      for (const peer of stage.peers) peer.idle(limit, announced === 'announced')
      const end = now() + share
      for (let n = 0; n < BURSTS_AT_EACH_LIMIT || now() + limit < end; n++, round++) {
        await load.burst(BURST, mix)
        await sleep(limit + (OFFSETS[round % OFFSETS.length] ?? 0))
      }
    }
    load.start(mix)
    await sleep(ms * 0.2)
    for (const peer of stage.peers) peer.idle(0)
  }
}

/** Each peer in turn is killed and comes back; the others are up meanwhile. */
export function crashInTurn(mix: Mix, ms: number, crash: Crash = crashAll): Script {
  return async (stage, load) => {
    load.start(mix)
    const share = ms / stage.peers.length
    for (const peer of stage.peers) {
      await sleep(share * 0.2)
      await crash([peer], load)
      await sleep(share * 0.3)
      await peer.restart()
      await sleep(share * 0.5)
    }
  }
}

/** So many peers (all, when not said) are killed at the same moment, stay away, and come back one after the other. */
export function outage(
  mix: Mix,
  away: number,
  ms: number,
  count = Infinity,
  crash: Crash = crashAll,
): Script {
  return async (stage, load) => {
    load.start(mix)
    const peers = stage.peers.slice(0, count)
    for (const end = now() + ms; now() + away < end || load.sent === 0;) {
      await sleep(Math.min(1_000, ms / 4))
      await crash(peers, load)
      await sleep(away)
      for (const peer of peers) {
        await peer.restart()
        await sleep(100)
      }
      await sleep(Math.max(0, Math.min(1_500, end - now())))
    }
  }
}

/** Each peer in turn (or so many of them) stops answering while its connections stay open. */
export function hangInTurn(mix: Mix, hang: number, pause: number, count = Infinity): Script {
  return async (stage, load) => {
    load.start(mix)
    for (const peer of stage.peers.slice(0, count)) {
      await sleep(pause)
      peer.hang(hang)
      await sleep(hang)
      await peer.wake()
    }
    await sleep(pause / 2)
  }
}

/** Killed in the midst of their work. */
async function crashAll(peers: readonly ReplayPeer[]): Promise<void> {
  await Promise.all(peers.map((peer) => peer.crash()))
}

/** Killed at a moment when no POST is under way: one that is cannot be saved, and must not be repeated. */
export function crashBetweenPosts(peers: readonly ReplayPeer[], load: Load): Promise<void> {
  return load.betweenPosts(() => crashAll(peers))
}

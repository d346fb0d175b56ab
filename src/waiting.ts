/** When there is nobody to ask: waiting in the upstream's queue, and what is said when that was in vain. */
import type { Clock } from './clock.js'
import type { Exchange } from './exchange.js'
import type { Refusal } from './refusal.js'
import type { PeerSession } from './upstream/peer-session.js'
import type { PeerRegistry } from './upstream/registry.js'

export interface WaitingParts {
  readonly registry: PeerRegistry
  readonly clock: Clock
  readonly policy: { readonly tries: number }
}

/** Attempts that a request may make. nginx counts the peers that are not `down`; we count attempts. */
export function initialTries({ registry, policy }: WaitingParts): number {
  if (!registry.nginx) return policy.tries
  return Math.min(registry.countUp, policy.tries)
}

/** Resolves true when it is worth asking for a peer again. */
export function waitForPeer(
  parts: WaitingParts,
  x: Exchange,
  session: PeerSession,
): Promise<boolean> {
  const { registry, clock } = parts
  if (registry.whenNoneLive !== 'wait' || x.aborted) return Promise.resolve(false)
  const now = clock.now()
  if (x.waitUntil === 0) x.waitUntil = now + registry.queueTimeout
  const hasTried = session.forgetTried()
  // One can be had: it has come back while this request was busy with another. A request that has used up its tries,
  // or whose selector finds nobody all the same, has nothing to wait for.
  if (session.outlook() !== 'none') return Promise.resolve(hasTried && x.triesLeft > 0)
  if (now >= x.waitUntil) return Promise.resolve(false)
  return new Promise((resolve) => {
    queueUp(parts, x, session, resolve)
  })
}

/** A mark that runs out by itself tells nobody: whoever waits looks again after this long. */
const LOOK_AGAIN_MS = 1000

function queueUp(
  parts: WaitingParts,
  x: Exchange,
  session: PeerSession,
  done: (worthIt: boolean) => void,
): void {
  const { registry, clock } = parts
  const look = clock.after(LOOK_AGAIN_MS, () => {
    if (session.outlook() === 'none') {
      look.refresh()
      return
    }
    cancel()
    finish(true)
  })
  const finish = (worthIt: boolean): void => {
    look.cancel()
    x.onAbort = undefined
    if (worthIt) x.triesLeft = initialTries(parts)
    done(worthIt)
  }
  const cancel = registry.queue.wait(x.waitUntil - clock.now(), (outcome) => {
    x.queueFull = outcome === 'full'
    finish(outcome === 'ready' || (outcome === 'timeout' && session.outlook() !== 'none'))
  })
  if (x.queueFull) return
  x.onAbort = () => {
    cancel()
    finish(false)
  }
}

/** nginx says 502 to all of it; we tell "none works" from "all are busy". */
export function noPeerRefusal(registry: PeerRegistry, x: Exchange, session: PeerSession): Refusal {
  const upstream = `upstream "${registry.name}"`
  if (x.queueFull) {
    return { code: 'ERR_QUEUE_FULL', status: 503, message: `the queue of ${upstream} is full` }
  }
  if (session.allBusy() && !registry.nginx) {
    const message = `every peer of ${upstream} has maxConns attempts in flight`
    return { code: 'ERR_PEERS_BUSY', status: 503, message }
  }
  const message = `no live upstreams while connecting to ${upstream}`
  return { code: 'ERR_NO_LIVE_UPSTREAMS', status: 502, message }
}

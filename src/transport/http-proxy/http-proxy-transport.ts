/** The default transport: http-proxy-3 carries each attempt through views of its own. */
import httpProxy from 'http-proxy-3'
import type { Clock } from '../../clock.js'
import type { AttemptResult } from '../../next-upstream/attempt-result.js'
import type { Peer } from '../../upstream/peer.js'
import type { AgentPool } from '../agents.js'
import { outgoingFields } from '../outgoing-fields.js'
import type { Attempt, AttemptSignal, Settle, Transport } from '../transport.js'
import { HttpProxyAttempt } from './attempt.js'
import { OutgoingRequest, OutgoingUnixRequest } from './outgoing.js'
import type { ProxyTarget } from './outgoing.js'
import type { AttemptLimits } from './limits.js'

export interface HttpProxySettings extends AttemptLimits {
  /** Bytes of response head at most. */
  readonly maxHeaderSize: number
}

/**
 * The pass of http-proxy-3 that sends a request. Its other passes change a client's request, which ours is not, and
 * `web()` copies all options for each of them.
 */
interface StreamPass {
  readonly name: string
  (req: object, res: object, options: object, head: undefined, server: object): unknown
}

/** What http-proxy-3 reads of a socket. */
const LIVE_SOCKET = { destroyed: false }
const ignore = (): void => undefined

/**
 * http-proxy-3 sees this in place of the client's `req`. It names no method: with one, DELETE and OPTIONS would be
 * given `content-length: 0` and lose their framing while their body is still sent (the class of CVE-2026-29057).
 */
const REQUEST_VIEW = {
  url: '/',
  httpVersionMajor: 1,
  socket: LIVE_SOCKET,
  headers: {},
  on: ignore,
}

/** In place of the client's `res`: nothing is ever written to it, and `finished` spares a listener on the response. */
const RESPONSE_VIEW = { headersSent: false, finished: true, on: ignore }

function streamPass(): StreamPass {
  const { webPasses = [] } = httpProxy.createProxyServer({}) as unknown as {
    webPasses?: StreamPass[]
  }
  const pass = webPasses.find(({ name }) => name === 'stream')
  if (pass === undefined) throw new Error('this http-proxy-3 has no pass by the name of "stream"')
  return pass
}

export class HttpProxyTransport implements Transport {
  readonly name = 'http-proxy-3'
  readonly #carry = streamPass()
  readonly #targets = new WeakMap<Peer, ProxyTarget>()
  readonly #pool: AgentPool
  readonly #settings: HttpProxySettings
  readonly #clock: Clock

  /** @throws {Error} where the environment would have http-proxy-3 send everything through `fetch`: that hangs. */
  constructor(pool: AgentPool, settings: HttpProxySettings, clock: Clock) {
    if (process.env['FORCE_FETCH_PATH'] === 'true') {
      throw new Error(
        'the environment variable FORCE_FETCH_PATH of http-proxy-3 must not be "true"',
      )
    }
    this.#pool = pool
    this.#settings = settings
    this.#clock = clock
  }

  roundTrip(attempt: Attempt, signal: AttemptSignal): Promise<AttemptResult> {
    return new Promise((resolve) => {
      this.start(attempt, signal, resolve)
    })
  }

  start(attempt: Attempt, signal: AttemptSignal, settle: Settle): void {
    const { peer, head } = attempt
    const running = new HttpProxyAttempt(attempt, signal, this.#settings, this.#clock, settle)
    const Outgoing = peer.socketPath === undefined ? OutgoingRequest : OutgoingUnixRequest
    const outgoing = new Outgoing(
      running,
      head,
      outgoingFields(attempt),
      this.#target(peer),
      this.#pool.agent(peer, attempt.connection),
      this.#settings.maxHeaderSize,
    )
    // Called as a function: a property of ours would be its `this`.
    const carry = this.#carry
    carry(REQUEST_VIEW, RESPONSE_VIEW, outgoing, undefined, outgoing)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #target(peer: Peer): ProxyTarget {
    let target = this.#targets.get(peer)
    if (target === undefined) {
      target = {
        protocol: peer.protocol,
        host: peer.hostname,
        hostname: peer.hostname,
        port: peer.port,
        socketPath: peer.socketPath,
        href: `${peer.protocol}//${peer.name}`,
      }
      this.#targets.set(peer, target)
    }
    return target
  }
}

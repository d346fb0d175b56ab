/** The default transport: http-proxy-3 carries each attempt through views of its own. */
import httpProxy from 'http-proxy-3'
import type { Clock } from '../../clock.js'
import type { AttemptResult } from '../../next-upstream/attempt-result.js'
import type { Peer } from '../../upstream/peer.js'
import type { AgentPool } from '../agents.js'
import { outgoingFields } from '../outgoing-fields.js'
import type { Attempt, AttemptSignal, Settle, Transport } from '../transport.js'
import { HttpProxyAttempt } from './attempt.js'
import type { AttemptLimits } from './limits.js'

export interface HttpProxySettings extends AttemptLimits {
  /** Bytes of response head at most. */
  readonly maxHeaderSize: number
}

/** http-proxy-3 as far as it is used: it is given views, which its own types cannot know. */
interface Carrier {
  web(req: object, res: object, options: object, onError: (cause: Error) => void): void
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

/** The part of a request that http-proxy-3 takes from `target`. */
interface ProxyTarget {
  readonly protocol: string
  readonly host: string
  readonly hostname: string
  readonly port: number
  readonly socketPath: string | undefined
  readonly href: string
}

const NO_HEADERS = {}

/**
 * The base object of the outgoing request's options. http-proxy-3 joins and re-writes the path, losing an empty query
 * and an asterisk, and makes an object of the fields, losing their order. It is told to, and target and fields stay as
 * they are. While it looks at the fields there are none; `url` is what it sets after that.
 */
function outgoingBase(target: string, fields: readonly string[], maxHeaderSize: number): object {
  let ready = false
  return {
    maxHeaderSize,
    get path() {
      return target
    },
    set path(_rewritten: string) {
      // Not taken.
    },
    get headers() {
      return ready ? fields : NO_HEADERS
    },
    set headers(_copy: object) {
      // Not taken.
    },
    get url() {
      return ''
    },
    set url(_unused: string) {
      ready = true
    },
  }
}

export class HttpProxyTransport implements Transport {
  readonly name = 'http-proxy-3'
  readonly #proxy = httpProxy.createProxyServer({}) as unknown as Carrier
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
    const running = new HttpProxyAttempt(attempt, signal, this.#settings, this.#clock, settle)
    const options = {
      target: this.#target(attempt.peer),
      agent: this.#pool.agent(attempt.peer, attempt.connection),
      method: attempt.head.method,
      buffer: running,
      selfHandleResponse: true,
      toProxy: true,
      ssl: outgoingBase(attempt.head.target, outgoingFields(attempt), this.#settings.maxHeaderSize),
    }
    this.#proxy.web(REQUEST_VIEW, RESPONSE_VIEW, options, (cause: Error) => {
      running.onError(cause)
    })
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

/** `--live`: what the servers of the configuration do when they are asked, and whether the configuration fits it. */
import { lookup } from 'node:dns/promises'
import type { Socket } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../clock.js'
import type { ConfFacts, ProxyFacts, ServerFacts, UpstreamFacts } from '../../doctor/conf-facts.js'
import { withPort } from '../../doctor/conf-facts.js'
import { printable } from '../../doctor/escapes.js'
import { headChecks, keepAliveCheck } from '../../doctor/live-findings.js'
import type { LiveCheck } from '../../doctor/report.js'
import type { ResponseHead } from '../../doctor/response-head.js'
import { persists } from '../../doctor/response-head.js'
import { addressOf, closedAfter, openTcp, openTls, readHead, within } from './live-connection.js'
import type { PeerAddress } from './live-connection.js'

export interface LiveOptions {
  readonly clock: Clock
  /** Milliseconds since 1970: certificates expire by the calendar. */
  readonly wallTime: () => number
  readonly path: string
  /** Milliseconds for which an idle connection is watched. */
  readonly wait: number
}

/** Servers that are asked, and how many at once. */
const MOST_SERVERS = 64
const AT_ONCE = 8
/** Milliseconds: the configuration's timeouts, but no more. */
const LONGEST_STEP = 5000
const SOON_EXPIRED = 14 * 86_400_000

/** Three connections and three requests for each server at most. */
export async function checkLive(conf: ConfFacts, options: LiveOptions): Promise<LiveCheck[]> {
  const tasks = serversOf(conf).slice(0, MOST_SERVERS)
  const results: LiveCheck[][] = tasks.map(() => [])
  let next = 0
  const work = async (): Promise<void> => {
    for (let index = next++; index < tasks.length; index = next++) {
      const [upstream, server, proxy] = tasks[index] ?? []
      if (upstream === undefined || server === undefined) continue
      results[index] = await new ServerCheck(upstream, server, proxy, options).run()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return results.flat()
}

type Task = readonly [UpstreamFacts, ServerFacts, ProxyFacts | undefined]

/** Those of upstreams that are used; and addresses that stand in proxy_pass itself. */
function serversOf({ upstreams, proxies }: ConfFacts): Task[] {
  const named = upstreams.flatMap((upstream) =>
    upstream.servers
      .filter(({ down }) => !down)
      .map((server): Task => [
        upstream,
        server,
        proxies.find((proxy) => proxy.upstream === upstream.name),
      ]),
  )
  const direct = proxies.filter(
    ({ upstream }, index) =>
      upstream !== '' &&
      !upstream.includes('$') &&
      !upstreams.some(({ name }) => name === upstream) &&
      proxies.findIndex((proxy) => proxy.upstream === upstream) === index,
  )
  return [...named, ...direct.map(directTask)]
}

function directTask(proxy: ProxyFacts): Task {
  const server: ServerFacts = {
    address: withPort(proxy.upstream, proxy.tls ? 443 : 80),
    isName: true,
    maxFails: 0,
    failTimeout: 0,
    maxConns: 0,
    backup: false,
    down: false,
  }
  const { upstream: name, file, line } = proxy
  return [
    { name, servers: [server], keepalive: 0, keepaliveTimeout: 0, zone: false, file, line },
    server,
    proxy,
  ]
}

class ServerCheck {
  readonly #upstream: UpstreamFacts
  readonly #server: ServerFacts
  readonly #proxy: ProxyFacts | undefined
  readonly #options: LiveOptions
  readonly #checks: LiveCheck[] = []
  readonly #address: PeerAddress

  constructor(
    upstream: UpstreamFacts,
    server: ServerFacts,
    proxy: ProxyFacts | undefined,
    options: LiveOptions,
  ) {
    this.#upstream = upstream
    this.#server = server
    this.#proxy = proxy
    this.#options = options
    this.#address = addressOf(server.address)
  }

  async run(): Promise<LiveCheck[]> {
    try {
      if (!(await this.#resolves())) return this.#checks
      const socket = await this.#open()
      if (socket !== undefined) await this.#talk(socket)
    } catch (error) {
      this.#add('request', 'failed', reasonOf(error))
    }
    return this.#checks
  }

  async #resolves(): Promise<boolean> {
    const { host } = this.#address
    if (host === undefined || /^[\d.]+$|:/.test(host)) return true
    try {
      const found = await within<readonly { address: string }[]>(
        this.#options.clock,
        LONGEST_STEP,
        (done, fail) => void lookup(host, { all: true }).then(done, fail),
      )
      const addresses = found.map(({ address }) => address).join(', ')
      this.#add('dns', 'ok', `${host} is ${addresses}`)
      return true
    } catch (error) {
      this.#add('dns', 'failed', reasonOf(error))
      return false
    }
  }

  async #open(): Promise<Socket | undefined> {
    const { clock } = this.#options
    const since = clock.now()
    const limit = Math.min(LONGEST_STEP, this.#proxy?.connectTimeout ?? LONGEST_STEP)
    let socket: Socket
    try {
      socket = await openTcp(clock, this.#address, limit)
    } catch (error) {
      this.#add('connect', 'failed', reasonOf(error))
      return undefined
    }
    this.#add('connect', 'ok', `in ${(clock.now() - since).toFixed(1)} ms`)
    return this.#proxy?.tls === true ? this.#secure(socket) : socket
  }

  async #secure(socket: Socket): Promise<TLSSocket | undefined> {
    const name = this.#proxy?.sslName ?? this.#upstream.name
    try {
      const secure = await openTls(this.#options.clock, socket, name, LONGEST_STEP)
      this.#certificate(secure, name)
      return secure
    } catch (error) {
      socket.destroy()
      this.#add('tls', 'failed', reasonOf(error))
      return undefined
    }
  }

  #certificate(socket: TLSSocket, name: string): void {
    const certificate = socket.getPeerCertificate()
    const left = Date.parse(certificate.valid_to) - this.#options.wallTime()
    const wrong: string[] = []
    if (!socket.authorized) wrong.push(`not trusted (${codeOf(socket.authorizationError)})`)
    if (checkServerIdentity(name, certificate) !== undefined) wrong.push(`not for the name ${name}`)
    if (left < 0) wrong.push('expired')
    else if (left < SOON_EXPIRED) wrong.push(`expires in ${Math.floor(left / 86_400_000)} days`)
    const until = `valid until ${certificate.valid_to}`
    if (wrong.length === 0) this.#add('tls', 'ok', `${socket.getProtocol() ?? 'TLS'}, ${until}`)
    else
      this.#add(
        'tls',
        left < 0 || this.#proxy?.sslVerify === true ? 'failed' : 'warning',
        `${wrong.join(', ')}; ${until}`,
      )
  }

  async #talk(socket: Socket): Promise<void> {
    let head: ResponseHead
    try {
      head = await this.#ask(socket, 'HEAD', '')
    } catch (error) {
      socket.destroy()
      this.#add('request', 'failed', reasonOf(error))
      return
    }
    for (const check of headChecks(head, this.#proxy)) this.#add(...check)
    const closed = persists(head)
      ? await closedAfter(this.#options.clock, socket, this.#options.wait)
      : 0
    socket.destroy()
    this.#add(...keepAliveCheck(head, closed, this.#upstream, this.#proxy))
    await this.#expect()
  }

  /** An OPTIONS with a body: safe by definition, and the expectation needs a body (RFC 9110 section 10.1.1). */
  async #expect(): Promise<void> {
    const { clock } = this.#options
    let socket: Socket | undefined
    try {
      socket = await openTcp(clock, this.#address, LONGEST_STEP)
      if (this.#proxy?.tls === true)
        socket = await openTls(
          clock,
          socket,
          this.#proxy.sslName ?? this.#upstream.name,
          LONGEST_STEP,
        )
      const fields = 'Content-Type: text/plain\r\nContent-Length: 2\r\nExpect: 100-continue\r\n'
      const { status } = await this.#ask(socket, 'OPTIONS', fields)
      this.#add(
        'expect',
        'ok',
        status === 100 ? 'answers 100 Continue' : `answers ${status} at once`,
      )
    } catch {
      this.#add('expect', 'warning', 'Expect: 100-continue is not answered: clients wait in vain')
    } finally {
      socket?.destroy()
    }
  }

  #ask(socket: Socket, method: string, fields: string): Promise<ResponseHead> {
    const { clock, path } = this.#options
    const limit = Math.min(LONGEST_STEP, this.#proxy?.readTimeout ?? LONGEST_STEP)
    const answer = readHead(clock, socket, limit)
    socket.write(
      `${method} ${path} HTTP/1.1\r\nHost: ${hostOf(this.#upstream.name)}\r\nUser-Agent: evenkeel-doctor\r\nAccept: */*\r\nConnection: keep-alive\r\n${fields}\r\n`,
    )
    return answer
  }

  #add(check: LiveCheck['check'], result: LiveCheck['result'], message: string): void {
    this.#checks.push({
      upstream: printable(this.#upstream.name),
      peer: printable(this.#server.address),
      check,
      result,
      message: printable(message),
    })
  }
}

/** As nginx sends it by default, `$proxy_host`; it comes from a file. */
const hostOf = (name: string): string => name.replace(/[^\w.:[\]-]/g, '')

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed'
  const { code } = error as NodeJS.ErrnoException
  return code ?? error.message
}

/** Node types it as an Error; it is a code. */
function codeOf(error: unknown): string {
  return typeof error === 'string' ? error : reasonOf(error)
}

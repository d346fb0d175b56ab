/** One scenario: all requests under way at once, one end slow, the balancer's memory watched from beginning to end. */
import { request } from 'node:http'
import { BalancerChild } from './balancer-child.js'
import { clients, Receiver, Sender, Upstream } from './ends.js'
import type { Memory } from './protocol.js'
import type { Scenario } from './scenarios.js'

export interface Load {
  readonly clients: number
  /** Bytes of each body. */
  readonly size: number
  readonly tempPath: string
}

export interface Measured {
  readonly idle: Memory
  readonly peak: Memory
  /** When everything stood still, without garbage. */
  readonly live: Memory
  /** Requests under way when everything stood still: nothing moved until the slow end moved. */
  readonly underWay: number
  /** Bytes that the fast end was ahead of the slow one then, all requests together. */
  readonly ahead: number
  /** Bytes that the slow end has taken until the end. */
  readonly taken: number
  readonly seconds: number
}

const TICK_MS = 100
/** Nothing has moved for so many ticks: all that can be full is full. */
const STILL = 8
/** A disk may be slow: what is under way by then is what is measured. */
const LONGEST_MS = 45_000
/** Then the slow end takes a little now and then. */
const TRICKLE_TICKS = 30
const TRICKLE_BYTES = 64 * 1024

interface Ends {
  readonly senders: readonly Sender[]
  /** Fewer than the senders where the requests are still on their way. */
  readonly receivers: () => readonly Receiver[]
}

export async function measure(scenario: Scenario, load: Load): Promise<Measured> {
  const startedAt = performance.now()
  const upstream = await Upstream.start()
  const { tempPath } = load
  const options = { ...scenario.options, tempPath, upstream: [upstream.url], retryBudget: false }
  const child = await BalancerChild.start(options as never)
  try {
    await warmUp(child.port)
    const idle = await child.idle()
    const ends = await (scenario.way === 'download' ? downloads : uploads)(child, upstream, load)
    await standstill(ends)
    const live = await child.live()
    const { senders } = ends
    const sent = sum(senders.map((sender) => sender.sent))
    const ahead = sent - sum(ends.receivers().map(({ received }) => received))
    for (let tick = 0; tick < TRICKLE_TICKS; tick++) {
      for (const receiver of ends.receivers()) receiver.take(TRICKLE_BYTES)
      await pause()
    }
    const received = ends.receivers().map((receiver) => receiver.received)
    const peak = await child.peak()
    return {
      idle,
      peak,
      live,
      underWay: received.filter((bytes) => bytes < load.size).length,
      ahead,
      taken: sum(received),
      seconds: (performance.now() - startedAt) / 1000,
    }
  } finally {
    await child.stop()
    upstream.close()
  }
}

/** So that code and pools are there: they are no burden of the requests that are measured. */
async function warmUp(port: number): Promise<void> {
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const outgoing = request({ port, host: '127.0.0.1', agent: false, path: '/whole/1000000' })
      outgoing.on('error', reject)
      outgoing.on('response', (response) => response.resume().on('end', resolve))
      outgoing.end()
    })
  for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 10 }, ask))
}

async function downloads(
  child: BalancerChild,
  upstream: Upstream,
  { clients: count, size }: Load,
): Promise<Ends> {
  const sockets = await clients(count, child.port, 'GET / HTTP/1.1\r\nHost: bench\r\n\r\n')
  const receivers = sockets.map((socket) => new Receiver(socket))
  while (upstream.requests.length < count) await pause()
  const senders = upstream.requests.map(([, res]) => {
    res.writeHead(200, { 'content-length': size })
    return new Sender(res, size)
  })
  return { senders, receivers: () => receivers }
}

async function uploads(
  child: BalancerChild,
  upstream: Upstream,
  { clients: count, size }: Load,
): Promise<Ends> {
  const head = `PUT / HTTP/1.1\r\nHost: bench\r\nContent-Length: ${size}\r\n\r\n`
  const sockets = await clients(count, child.port, head)
  const senders = sockets.map((socket) => new Sender(socket, size))
  const receivers: Receiver[] = []
  return {
    senders,
    receivers() {
      for (const [req] of upstream.requests.slice(receivers.length))
        receivers.push(new Receiver(req))
      return receivers
    },
  }
}

async function standstill({ senders, receivers }: Ends): Promise<void> {
  const until = performance.now() + LONGEST_MS
  let last = NaN
  for (let still = 0; still < STILL && performance.now() < until; still++) {
    await pause()
    const now = sum(senders.map((sender) => sender.sent)) + receivers().length
    if (now !== last) still = 0
    last = now
  }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, TICK_MS))
const sum = (figures: readonly number[]): number => figures.reduce((all, one) => all + one, 0)

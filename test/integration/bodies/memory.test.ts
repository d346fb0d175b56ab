/**
 * However slow one side is, the other is let go no further ahead than what is configured. Bytes are counted at both
 * ends; `npm run bench:memory` shows what it comes to in memory. Over unix sockets, whose buffers in the system are
 * small and of one size: those of TCP grow until a short body has gone before anybody has to wait.
 */
import { pbkdf2 } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { NetConnectOpts, Socket } from 'node:net'
import { createBalancer } from 'evenkeel'
import type { BalancerOptions } from 'evenkeel'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { watchProcess } from '../../helpers/watch-process.js'
import { canLook, openFiles } from './descriptors.js'
import { Receiver, Sender } from '../../../examples/bench/memory/ends.js'
import { standstill } from './standstill.js'
import { tempFolder } from './stage.js'

watchProcess()

const KB = 1024
const CLIENTS = 20
const SIZE = 8 * KB * KB
/** What a slow side takes at a time. */
const STEP = 512 * KB

/** Of one connection, by the streams and the sockets of Node that it goes through. */
const IN_STREAMS = 256 * KB

/** Of a unix socket, by the system: a limit that the last write may go over. */
function inSystem(): number {
  try {
    return Number(readFileSync('/proc/sys/net/core/wmem_default', 'latin1')) + 64 * KB
  } catch {
    return 256 * KB
  }
}

/** What may be under way of one body besides what is configured: two connections. */
const UNDER_WAY = IN_STREAMS + 2 * inSystem()

/** As if the disk took its time: until the first job is done, nobody else gets a thread for files. */
function occupyThreads(): void {
  const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4)
  for (let n = 0; n < threads; n++) pbkdf2('', '', 400_000, 64, 'sha512', () => undefined)
}

interface Stage {
  readonly folder: string
  readonly requests: (readonly [IncomingMessage, ServerResponse])[]
  /** The balancer's connections to the peer. */
  readonly toPeer: ReadonlySet<Socket>
  connect(): Socket
}

async function openStage(options: Partial<BalancerOptions>): Promise<Stage> {
  const folder = tempFolder()
  const requests: Stage['requests'] = []
  const origin = createServer((...exchange) => void requests.push(exchange))
  await listen(origin, `${folder}/origin.sock`)
  const toPeer = new Set<Socket>()
  const agent = Object.assign(new Agent(), {
    createConnection(where: NetConnectOpts) {
      const socket = connect(where)
      toPeer.add(socket)
      return socket
    },
  })
  const balancer = createBalancer({
    upstream: [`http://unix:${folder}/origin.sock`],
    keepalive: () => agent,
    tempPath: folder,
    retryBudget: false,
    ...options,
  })
  balancer.on('error', () => undefined)
  await listen(createServer(balancer), `${folder}/edge.sock`)
  return {
    folder,
    requests,
    toPeer,
    connect() {
      const socket = connect(`${folder}/edge.sock`)
      onTestFinished(() => void socket.destroy())
      return socket
    },
  }
}

async function listen(server: Server, path: string): Promise<void> {
  server.listen(path)
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
}

interface Flow {
  readonly sender: Sender
  readonly receiver: Receiver
}

const sum = (figures: readonly number[]): number => figures.reduce((all, one) => all + one, 0)
const sentOf = (flows: readonly Flow[]): number => sum(flows.map(({ sender }) => sender.sent))

const onDisk = ({ folder }: Stage): number => sum(openFiles(folder))

/** How far each sender is ahead of its receiver, at most, as it was seen in any turn. */
class Lead {
  most = 0

  look(flows: readonly Flow[]): void {
    for (const { sender, receiver } of flows)
      this.most = Math.max(this.most, sender.sent - receiver.received)
  }
}

/** All receivers take a little whenever everything stands still, until all is through. */
async function pass(flows: readonly Flow[], onTurn: () => void): Promise<void> {
  while (flows.some(({ receiver }) => receiver.received < SIZE)) {
    for (const { receiver } of flows) receiver.take(STEP)
    await standstill(() => sentOf(flows), onTurn)
  }
}

async function downloads(stage: Stage): Promise<Flow[]> {
  const sockets = Array.from({ length: CLIENTS }, () => stage.connect())
  const receivers = sockets.map((socket) => {
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    return new Receiver(socket)
  })
  await vi.waitFor(() => expect(stage.requests).toHaveLength(CLIENTS), { timeout: 10_000 })
  const senders = stage.requests.map(([, res]) => {
    res.writeHead(200, { 'content-length': SIZE })
    return new Sender(res, SIZE)
  })
  // Which of the senders is whose does not matter: they are all treated alike.
  return senders.map((sender, index) => ({ sender, receiver: receivers[index]! }))
}

describe(`${CLIENTS} slow clients, each of which fetches ${SIZE / KB / KB} MB`, () => {
  it.each([
    ['buffering off', 0, 0, { buffering: 'off' }],
    ['64k of memory', 64 * KB, 0, { buffering: 'on', buffers: '64k', maxTempFile: 0 }],
    ['1m of memory', KB * KB, 0, { buffering: 'on', buffers: '1m', maxTempFile: 0 }],
    ['64k and a file', 64 * KB, KB * KB, { buffering: 'on', buffers: '64k', maxTempFile: '1m' }],
  ] as const)('%s: the upstream is let go no further', async (_name, memory, file, options) => {
    const stage = await openStage(options)
    if (file > 0) occupyThreads()
    const flows = await downloads(stage)
    const lead = new Lead()
    const look = (): void => lead.look(flows)
    // A disk that takes nothing yet is no reason to take more into memory.
    await standstill(() => sentOf(flows), look)
    expect(sentOf(flows) - onDisk(stage)).toBeLessThan(CLIENTS * (memory + UNDER_WAY))
    // What is configured is used. A disk may take its time.
    await vi.waitFor(
      () => {
        for (const { sender } of flows) expect(sender.sent).toBeGreaterThan(memory + file)
        if (canLook) expect(onDisk(stage)).toBe(CLIENTS * file)
      },
      { timeout: 20_000 },
    )
    await standstill(() => sentOf(flows), look)
    expect(sentOf(flows) - onDisk(stage)).toBeLessThan(CLIENTS * (memory + UNDER_WAY))

    await pass(flows, look)
    expect(lead.most).toBeLessThan(memory + file + UNDER_WAY)
    expect(flows.every(({ sender }) => sender.done)).toBe(true)
  })
})

/** Heads first: the bodies come when the figures are looked at. */
function uploads(stage: Stage): Sender[] {
  return Array.from({ length: CLIENTS }, () => {
    const socket = stage.connect()
    socket.resume()
    socket.write(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${SIZE}\r\n\r\n`)
    return new Sender(socket, SIZE)
  })
}

async function flowsOf(stage: Stage, senders: readonly Sender[]): Promise<Flow[]> {
  await vi.waitFor(() => expect(stage.requests).toHaveLength(CLIENTS), { timeout: 20_000 })
  const receivers = stage.requests.map(([req]) => new Receiver(req))
  return senders.map((sender, index) => ({ sender, receiver: receivers[index]! }))
}

describe(`${CLIENTS} uploads of ${SIZE / KB / KB} MB to a slow upstream`, () => {
  it.each(['off', 'replay'] as const)('%s: no client is let go further ahead', async (mode) => {
    const stage = await openStage({ requestBuffering: mode })
    const flows = await flowsOf(stage, uploads(stage))
    const lead = new Lead()
    const look = (): void => lead.look(flows)
    await standstill(() => sentOf(flows), look)
    await pass(flows, look)
    expect(lead.most).toBeLessThan(UNDER_WAY)
    expect(lead.most).toBeGreaterThan(0)
  })

  it.runIf(canLook)(
    'full: all of it is on the disk before a peer is asked, and little in memory',
    async () => {
      const stage = await openStage({ requestBuffering: 'full', bodyBuffer: '16k' })
      occupyThreads()
      const senders = uploads(stage)
      const sent = (): number => sum(senders.map((sender) => sender.sent))
      let most = 0
      do {
        await standstill(sent, () => undefined)
        const whole = senders.filter((sender) => sender.done).length
        expect(stage.requests.length).toBeLessThanOrEqual(whole)
        const written = onDisk(stage)
        most = Math.max(most, sent() - written)
      } while (!senders.every((sender) => sender.done))
      expect(most).toBeLessThan(CLIENTS * (16 * KB + UNDER_WAY))
      const flows = await flowsOf(stage, senders)
      expect(Math.min(...openFiles(stage.folder))).toBeGreaterThanOrEqual(SIZE - 16 * KB)
      let waiting = 0
      await pass(flows, () => {
        for (const socket of stage.toPeer) waiting = Math.max(waiting, socket.writableLength)
      })
      expect(waiting).toBeGreaterThan(0)
      expect(waiting).toBeLessThan(IN_STREAMS)
    },
  )
})

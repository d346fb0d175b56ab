/**
 * `ws` clients through the balancer while a peer is killed: each handshake succeeds; who was connected to that peer is
 * told, and nobody else notices.
 */
import type { IncomingMessage } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import { serve } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { load } from './load.js'
import { twoPeers } from './peer-process.js'

watchProcess()

const peers = twoPeers()
const [ONE, TWO] = ['one', 'two']

/** One connection, and what became of it. */
class Client {
  readonly socket: WebSocket
  /** `101`, or what went wrong in place of it. */
  readonly opened: Promise<string>
  readonly closed: Promise<number>
  /** Of the peer, once it is open. */
  peer: string | undefined
  closeCode: number | undefined

  constructor(url: string) {
    const socket = new WebSocket(url, { ca: forLocalhost.cert })
    this.socket = socket
    socket.on('upgrade', ({ headers }: IncomingMessage) => (this.peer = String(headers['x-peer'])))
    this.opened = new Promise((resolve) => {
      socket.once('open', () => resolve('101'))
      socket.once('error', (error) => resolve(error.message))
    })
    this.closed = new Promise((resolve) => {
      socket.once('close', (code) => {
        this.closeCode = code
        resolve(code)
      })
    })
  }

  /** Sends a text, and resolves with what came of it: the same text, or undefined when the connection was closed. */
  async echo(text: string): Promise<string | undefined> {
    const answer = new Promise<string>((resolve) => {
      const onMessage = (data: Buffer): void => {
        if (data.toString() !== text) return
        this.socket.off('message', onMessage)
        resolve(text)
      }
      this.socket.on('message', onMessage)
    })
    this.socket.send(text, () => undefined)
    return Promise.race([answer, this.closed.then(() => undefined)])
  }
}

describe.each([
  ['http', 'ws://127.0.0.1'],
  ['https', 'wss://localhost'],
  ['http2', 'wss://localhost'],
] as const)('ws over a server for %s', { timeout: 60_000 }, (kind, base) => {
  it('no handshake fails while a peer is killed and started again', async () => {
    const { port, errors } = await serve(
      { upstream: peers.map(({ url }) => url) },
      { probe: { interval: 100 } },
      { kind },
    )
    const clients: Client[] = []
    await peers[0]!.prepare()
    const failed: string[] = []
    let changed = (): void => undefined
    onTestFinished(() => {
      for (const { socket } of clients) socket.terminate()
    })
    const arrivals = load(4, async () => {
      const client = new Client(`${base}:${String(port)}/`)
      const result = await client.opened
      if (result !== '101') failed.push(result)
      clients.push(client)
      changed()
    })
    /** Resolves when so much has arrived. */
    const until = (condition: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        changed = () => {
          if (condition()) resolve()
        }
        changed()
      })
    const on = (peer: string): Client[] => clients.filter((client) => client.peer === peer)

    await until(() => on(ONE).length >= 20 && on(TWO).length >= 20)
    const echoes = await Promise.all(clients.map((client) => client.echo('before')))
    expect(echoes).toEqual(echoes.map(() => 'before'))

    await peers[0]!.kill()
    const count = clients.length
    await until(() => clients.length >= count + 40)
    const lost = on(ONE)
    // No close frame has come: the connection was cut.
    for (const client of lost) expect(await client.closed).toBe(1006)

    await peers[0]!.restart()
    await until(() => on(ONE).length >= lost.length + 10)
    await arrivals.stop()
    expect(failed).toEqual([])
    const others = clients.filter((client) => !lost.includes(client))
    expect(on(TWO).length).toBeGreaterThan(20)
    for (const client of others) expect(client.closeCode).toBeUndefined()
    const after = await Promise.all(others.map((client) => client.echo('after')))
    expect(after).toEqual(others.map(() => 'after'))
    expect(errors).toEqual([])
  })
})

/**
 * socket.io through the balancer while a peer is killed. Clients on the other peer notice nothing; those on the killed
 * one connect again by themselves, and go on.
 */
import { once } from 'node:events'
import { io } from 'socket.io-client'
import type { Socket } from 'socket.io-client'
import type { BalancerOptions, Peer, SelectionRequest } from 'evenkeel'
import { describe, expect, it, onTestFinished } from 'vitest'
import { serve } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { twoPeers } from './peer-process.js'

watchProcess()

const peers = twoPeers('socket.io')

/**
 * In socket.io a session is several requests, all of which have to reach the same peer, unless WebSocket is the only
 * transport. The session's own id (`sid`) is none to hash: it is the peer that makes it, when the first request is there
 * already. So the client brings an id of its own.
 */
function byVisitor(peers: readonly Peer[], { url }: SelectionRequest): Peer | undefined {
  const visitor = new URLSearchParams(url.slice(url.indexOf('?'))).get('visitor')
  if (visitor === null) return undefined
  // Rendezvous hashing: when a peer goes, only its own visitors move.
  return peers.reduce((best, peer) =>
    hash(`${visitor} ${peer.name}`) > hash(`${visitor} ${best.name}`) ? peer : best,
  )
}

/** FNV-1a, and a final mix. */
function hash(text: string): number {
  let state = 0x811c9dc5
  for (const character of text) state = Math.imul(state ^ character.charCodeAt(0), 0x01000193)
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  return (state ^ (state >>> 13)) >>> 0
}

class Client {
  readonly socket: Socket
  readonly disconnects: string[] = []
  /** Names of the peers that have said hello. */
  readonly hellos: string[] = []

  constructor(url: string, visitor: string, transports: readonly string[]) {
    this.socket = io(url, {
      transports: [...transports],
      query: { visitor },
      forceNew: true,
      reconnectionDelay: 10,
      reconnectionDelayMax: 50,
    })
    this.socket.on('disconnect', (reason) => this.disconnects.push(reason))
    this.socket.on('hello', (name: string) => this.hellos.push(name))
  }

  /** Who has said the so-manieth hello; waits for it. */
  async peer(hellos: number): Promise<string> {
    while (this.hellos.length < hellos) await once(this.socket as never, 'hello')
    return this.hellos[hellos - 1]!
  }

  async echo(text: string): Promise<[string, string]> {
    return new Promise((resolve) => {
      this.socket.emit('echo', text, (back: string, peer: string) => resolve([back, peer]))
    })
  }
}

const WAYS: [string, readonly string[], NonNullable<BalancerOptions['selector']>][] = [
  ['WebSocket alone, peers taken in turn', ['websocket'], 'round_robin'],
  ['polling alone, peers by visitor', ['polling'], byVisitor],
  ['polling and then WebSocket, peers by visitor', ['polling', 'websocket'], byVisitor],
]

describe('socket.io', () => {
  it.each(WAYS)('%s', async (_name, transports, selector) => {
    const { port } = await serve(
      { upstream: peers.map(({ url }) => url) },
      { selector, probe: { interval: 100 } },
    )
    const clients: Client[] = []
    onTestFinished(() => {
      for (const { socket } of clients) socket.disconnect()
    })
    const on = (peer: string): Client[] => clients.filter(({ hellos }) => hellos[0] === peer)
    while (on('one').length < 4 || on('two').length < 4) {
      const client = new Client(
        `http://127.0.0.1:${String(port)}`,
        String(clients.length),
        transports,
      )
      clients.push(client)
      await client.peer(1)
    }
    const [theirs, others] = [on('one'), on('two')]
    for (const client of clients) {
      expect(await client.echo('before')).toEqual(['before', client.hellos[0]])
    }

    await peers[0]!.kill()
    for (const client of theirs) {
      expect(await client.peer(2)).toBe('two')
      expect(client.disconnects).toEqual([expect.stringMatching(/^transport (close|error)$/)])
      expect(await client.echo('after')).toEqual(['after', 'two'])
    }
    for (const client of others) {
      expect(await client.echo('after')).toEqual(['after', 'two'])
      expect(client.disconnects).toEqual([])
      expect(client.hellos).toEqual(['two'])
    }
    await peers[0]!.restart()
  })
})

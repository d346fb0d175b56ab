/** A request to upgrade between Node's server and the request handler: src/upgrade.ts by itself. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { fakeClock } from 'evenkeel/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { UpstreamResponse } from '../../../src/next-upstream/attempt-result.js'
import { acceptUpgrade, writeSwitchingProtocols } from '../../../src/upgrade.js'
import type { UpgradeRequest } from '../../../src/upgrade.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'
import { asking, rawClient } from './rig.js'

watchProcess()

interface Served {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly upgrade: UpgradeRequest
}

/** Accepts one request. */
async function accepted(request: string) {
  const clock = fakeClock()
  const server = createServer()
  let take: (served: Served) => void = () => undefined
  const served = new Promise<Served>((resolve) => (take = resolve))
  server.on('upgrade', (req, socket: Duplex, head) => {
    onTestFinished(() => void socket.destroy())
    acceptUpgrade(req, socket, head, clock, (res, upgrade) => take({ req, res, upgrade }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const client = rawClient((server.address() as AddressInfo).port)
  client.socket.write(request)
  return { ...(await served), client, clock }
}

const switching = (rawHeaders: string[]): UpstreamResponse => ({
  ...{ status: 101, statusMessage: 'Switching Protocols', rawHeaders },
  start: () => undefined,
  resume: () => undefined,
  discard: () => undefined,
})

const WATCHED = ['data', 'end', 'drain'] as const

const listenersOf = (socket: Duplex): number[] =>
  WATCHED.map((event) => socket.listenerCount(event))

describe('an answer', () => {
  it('has its events, as any response', async () => {
    const { res, client } = await accepted(asking('foo'))
    const events: string[] = []
    res.on('finish', () => events.push('finish'))
    res.on('close', () => events.push('close'))
    res.end('hello')
    await client.got.end()
    expect(events).toEqual(['finish', 'close'])
    expect(res).toMatchObject({ destroyed: true, writableFinished: true, headersSent: true })
    expect(client.rest()).toBe('hello')
  })

  it('is followed by the end, and then by patience', async () => {
    const { res, upgrade, client, clock } = await accepted(asking('foo'))
    const { socket } = upgrade
    res.on('finish', () => {
      expect(socket.writableEnded).toBe(true)
      // A reset, which unread bytes would make of it, could overtake the answer.
      expect(socket.destroyed).toBe(false)
    })
    res.end()
    await client.got.end()
    expect(clock.nextDue! - clock.now()).toBe(5000)
    client.socket.write('nobody reads this')
    client.socket.end()
    await once(socket, 'close')
    expect(clock.pending).toBe(0)
    expect(listenersOf(socket).slice(0, 1)).toEqual([0])
  })

  it('does not wait for the rest of a body that nobody wants', async () => {
    const request = asking('foo', { method: 'POST', fields: 'Content-Length: 6\r\n' })
    const { req, res, upgrade, client, clock } = await accepted(`${request}abc`)
    const body = upgrade.body ?? req
    body.resume()
    await turns()
    res.end()
    await client.got.end()
    client.socket.end('def and more')
    await once(upgrade.socket, 'close')
    expect(clock.pending).toBe(0)
  })

  it('to a client that goes at that moment', async () => {
    const { res, upgrade, clock } = await accepted(asking('foo'))
    const closed = new Promise((resolve) => res.on('close', resolve))
    res.end()
    upgrade.socket.destroy()
    await closed
    await turns()
    expect(clock.pending).toBe(0)
  })

  it('its back-pressure is told', async () => {
    const { res, client } = await accepted(asking('foo'))
    client.socket.pause()
    while (res.write(Buffer.alloc(1_000_000)));
    const drained = once(res, 'drain')
    client.socket.resume()
    await drained
    res.end()
    await client.got.end()
  })

  it('a client that leaves: `close` without `finish`', async () => {
    const { res, client } = await accepted(asking('foo'))
    const events: string[] = []
    res.on('finish', () => events.push('finish'))
    const closed = new Promise((resolve) => res.on('close', resolve))
    client.socket.end()
    await closed
    expect(events).toEqual([])
    expect(res.destroyed).toBe(true)
  })
})

describe('101', () => {
  it('leaves a connection like any other: nothing of the request on it', async () => {
    const { res, upgrade, client } = await accepted(`${asking('foo')}early`)
    const { socket } = upgrade
    const events: string[] = []
    res.on('finish', () => events.push('finish'))
    res.on('close', () => events.push('close'))
    const protocol = writeSwitchingProtocols(res, socket, switching(['Upgrade', 'FOO']))
    expect(protocol).toBe('FOO')
    expect(res).toMatchObject({ headersSent: true, statusCode: 101, socket: null })
    // The end of the client's side ends one direction from now on.
    socket.emit('end')
    expect(socket.destroyed).toBe(false)
    expect(await client.head()).toMatch(/^HTTP\/1\.1 101 /)
    await turns()
    expect(events).toEqual(['finish', 'close'])
    // Node's own listener for the end is left.
    expect(listenersOf(socket)).toEqual([0, 1, 0])
    expect((socket.read() as Buffer).toString()).toBe('early')
    socket.end('bye')
    await client.got.end()
    expect(client.rest()).toBe('bye')
  })

  it.each([
    ['another protocol', switching(['Upgrade', 'bar'])],
    ['none', switching([])],
    ['a field that cannot be written', switching(['Upgrade', 'foo', 'X', 'a\x01'])],
    [
      'a reason that cannot be written',
      { ...switching(['Upgrade', 'foo']), statusMessage: 'a\r\nb' },
    ],
  ])('%s: nothing is written, and there can still be another answer', async (_, response) => {
    const { res, upgrade, client } = await accepted(asking('foo'))
    expect(writeSwitchingProtocols(res, upgrade.socket, response)).toBeUndefined()
    expect(res.headersSent).toBe(false)
    res.writeHead(502, { 'Content-Length': 2 }).end('no')
    await client.got.end()
    expect(client.got.text).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/)
    expect(client.got.text).toMatch(/\r\nDate: /)
    expect(client.rest()).toBe('no')
  })
})

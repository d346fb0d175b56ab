/** Peers that break off, babble or fall silent in the handshake: a try, no more; nothing hangs and nothing is left. */
import { fakeClock } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { authority } from '../../fixtures/test-only-authority.js'
import { ask } from '../../helpers/clients.js'
import { serve } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { cutPeer, securePeer, tcpPeer } from './peers.js'

watchProcess()

const tls = { ca: authority }
const GET = { method: 'GET' }
const POST = { method: 'POST', body: 'x'.repeat(1000) }

/** Of about 900 bytes that a peer's side of the handshake has in either version, before the last of them. */
const STEPS = [0, 1, 4, 5, 6, 50, 90, 127, 128, 200, 400, 600]
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

describe.each(VERSIONS)('%s: a peer that', (version) => {
  const only = { minVersion: version, maxVersion: version }

  describe.each(['end', 'reset'] as const)('breaks off (%s)', (how) => {
    it.each(STEPS)('after %i bytes: the next peer, for a POST, too', async (bytes) => {
      const inner = await securePeer(only)
      const bad = await cutPeer(inner, bytes, how)
      const good = await securePeer(only)
      for (const request of [GET, POST]) {
        const { port, finished, over } = await serve({ upstream: [bad.url, good.url] }, { tls })
        expect(await ask(port, request)).toMatchObject({ whole: true, status: 200, body: 'good' })
        await over(1)
        expect(finished[0]!.attempts.map(({ phase }) => phase)).toEqual(['tls', undefined])
        expect(finished[0]!.attempts[0]!.outcome).toMatch(
          /^(connection_terminated|tls_protocol_error)/,
        )
      }
      expect(inner.requests).toEqual([])
    })
  })

  it.each(STEPS)('falls silent after %i bytes runs into connectTimeout', async (bytes) => {
    const clock = fakeClock()
    const inner = await securePeer(only)
    const bad = await cutPeer(inner, bytes, 'silence')
    const good = await securePeer(only)
    const { port, finished, over } = await serve(
      { upstream: [bad.url, good.url] },
      { tls, clock, connectTimeout: 1000, probe: false },
    )
    const asked = ask(port, POST)
    await inner.seen(() => inner.connections === 1)
    await clock.advanceAsync(999)
    expect(good.connections).toBe(0)
    await clock.advanceAsync(1)
    expect(await asked).toMatchObject({ whole: true, status: 200 })
    await over(1)
    expect(finished[0]!.attempts.map(({ outcome }) => outcome)).toEqual([
      'connection_timeout in tls',
      'ok',
    ])
    await bad.seen(() => bad.open === 0)
  })
})

describe('a peer that says nothing at all', () => {
  it('is a 504 when there is no other', async () => {
    const clock = fakeClock()
    const bad = await tcpPeer((socket) => socket.resume())
    const { port } = await serve(
      { upstream: [bad.url] },
      { tls, clock, connectTimeout: 1000, probe: false },
    )
    const asked = ask(port)
    await bad.seen(() => bad.connections === 1)
    await clock.advanceAsync(1000)
    const reply = await asked
    expect(reply).toMatchObject({ whole: true, status: 504 })
    expect(reply.headers['proxy-status']).toBe(
      'evenkeel; error=connection_timeout; details="1 attempt: connection_timeout"',
    )
    await bad.seen(() => bad.open === 0)
  })
})

const MEGABYTE = 1024 * 1024
/** A record of the handshake, with a length that is never reached. */
const ENDLESS_HELLO = Buffer.from([22, 3, 3, 64, 0, 2, 255, 255, 255])

describe.each([
  ['zeros', Buffer.alloc(MEGABYTE)],
  ['text', Buffer.alloc(MEGABYTE, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')],
  ['handshake records', Buffer.alloc(MEGABYTE, Buffer.from([22, 3, 3, 0, 1, 2]))],
  ['a hello without an end', Buffer.concat([ENDLESS_HELLO, Buffer.alloc(MEGABYTE)])],
  ['records of the wrong type', Buffer.alloc(MEGABYTE, Buffer.from([23, 3, 3, 0, 1, 0]))],
  ['warnings', Buffer.alloc(MEGABYTE, Buffer.from([21, 3, 3, 0, 2, 1, 90]))],
])('a megabyte of %s in the handshake', (_name, junk) => {
  it.each([GET, POST])('costs a try ($method)', async (request) => {
    const bad = await tcpPeer((socket) => {
      socket.once('data', () => socket.write(junk))
      socket.resume()
    })
    const good = await securePeer()
    const { port, finished, over } = await serve({ upstream: [bad.url, good.url] }, { tls })
    expect(await ask(port, request)).toMatchObject({ whole: true, status: 200, body: 'good' })
    await over(1)
    const [first] = finished[0]!.attempts
    expect(first).toMatchObject({ phase: 'tls', status: 0 })
    expect(first!.outcome).toMatch(/^tls_(protocol_error|alert_received) \(\w+\) in tls$/)
    await bad.seen(() => bad.open === 0)
  })
})

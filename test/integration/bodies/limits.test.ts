/** Bodies that are too long, and clients that leave in the middle: nobody else pays for them. */
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { connect, constants } from 'node:http2'
import type { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { canLook, openFiles, openSockets } from './descriptors.js'
import { Origin } from './origin.js'
import { openStage, tempFolder } from './stage.js'
import type { Client } from './stage.js'
import { overHttp1, overHttp2 } from './travellers.js'
import type { Trip } from './trip.js'

watchProcess()

const KB = 1024
const MAX = 100 * KB
const CLIENTS = ['h1', 'h2'] as const
const MODES = ['replay', 'full', 'off'] as const
const FRAMINGS = ['length', 'chunked'] as const

let origin: Origin
beforeAll(async () => {
  origin = await Origin.open()
})
afterAll(() => origin.close())

function tripOf(size: number, framing: 'length' | 'chunked'): Trip {
  return {
    method: 'POST',
    status: 200,
    request: {
      ...{ seed: 1, size, pieces: 'few', rests: 'none', framing, trailers: false, read: 'eager' },
    },
    response: {
      ...{ seed: 2, size: 10, pieces: 'one', rests: 'none', framing: 'length', trailers: false },
      ...{ read: 'eager', hinted: false, begins: 'after' },
    },
  }
}

const all = CLIENTS.flatMap((client) =>
  MODES.flatMap((mode) => FRAMINGS.map((framing) => [client, mode, framing] as const)),
)

describe('maxBody', () => {
  it.each(all)('%s, %s, %s: one byte more is 413', async (client, mode, framing) => {
    const tempPath = tempFolder()
    const options = { maxBody: MAX, requestBuffering: mode, bodyBuffer: '1k', tempPath } as const
    const stage = await openStage(client, { upstream: [origin.url], ...options })
    const traveller = client === 'h1' ? overHttp1(stage.port) : overHttp2(stage.port)
    try {
      const fits = tripOf(MAX, framing)
      const fitting = origin.expect(fits)
      const { status, sha256 } = await traveller.go(fitting.path, fits)
      expect(status).toBe(200)
      expect(fitting.seen.received).toEqual({ bytes: MAX, sha256, ended: true })

      const over = tripOf(MAX + 1, framing)
      const refused = origin.expect(over)
      const answer = await traveller.go(refused.path, over)
      expect(answer).toMatchObject({ status: 413, received: { ended: true } })
      expect(stage.errors.map((error) => error.code)).toEqual(['ERR_BODY_TOO_LARGE'])
      if (mode === 'full' || framing === 'length') expect(refused.seen.asked).toBe(0)
      // A peer that was sent the beginning does not take it for a whole body.
      else await vi.waitFor(() => expect(refused.seen.received?.ended).toBe(false))

      // The connection, or what is left of it, serves the next.
      const next = origin.expect(fits)
      expect((await traveller.go(next.path, fits)).status).toBe(200)
    } finally {
      traveller.close()
      await stage.close()
    }
    expect(readdirSync(tempPath)).toEqual([])
    await vi.waitFor(() => expect(openFiles(tempPath)).toEqual([]), { timeout: 10_000 })
  })
})

/** An upload of which half is sent. */
interface HalfSent {
  readonly body: Writable
  leave(): void
}

function upload(client: Client, port: number, framing: 'length' | 'chunked'): HalfSent {
  const length = framing === 'length' ? { 'content-length': 1024 * KB } : {}
  const path = '/nobody-knows'
  if (client === 'h1') {
    const headers = framing === 'length' ? length : { 'transfer-encoding': 'chunked' }
    const body = request({ port, host: '127.0.0.1', agent: false, method: 'PUT', path, headers })
    body.on('error', () => undefined)
    return { body, leave: () => body.destroy() }
  }
  const session = connect(`https://localhost:${port}`, { ca: forLocalhost.cert })
  session.on('error', () => undefined)
  const body = session.request({ ':method': 'PUT', ':path': path, ...length })
  body.on('error', () => undefined)
  // Node's client ends a stream before it resets it: to the server that is a whole body.
  return { body, leave: () => session.destroy() }
}

describe('a client that leaves in the middle', () => {
  const cases = CLIENTS.flatMap((client) => FRAMINGS.map((framing) => [client, framing] as const))

  it.each(cases)(
    'of an upload (%s, %s): no peer was asked, no file is left',
    async (client, framing) => {
      const tempPath = tempFolder()
      const sockets = openSockets()
      const options = { requestBuffering: 'full', bodyBuffer: '16k', tempPath } as const
      const stage = await openStage(client, { upstream: [origin.url], ...options })
      const [peer] = stage.balancer.upstream.peers
      const { body, leave } = upload(client, stage.port, framing)
      body.write(Buffer.alloc(512 * KB))
      if (canLook)
        await vi.waitFor(() => expect(openFiles(tempPath)[0]).toBeGreaterThanOrEqual(496 * KB), {
          timeout: 10_000,
        })
      expect(readdirSync(tempPath)).toEqual([])
      expect(peer?.connections).toBe(0)

      const finished = new Promise((resolve) => stage.balancer.on('finish', resolve))
      leave()
      await finished
      expect(stage.finished).toMatchObject([{ status: 499, attempts: [] }])
      expect(stage.errors.map((error) => error.code)).toEqual(['ERR_CLIENT_CLOSED'])
      await vi.waitFor(() => expect(openFiles(tempPath)).toEqual([]), { timeout: 10_000 })
      await stage.close()
      await vi.waitFor(() => expect(openSockets()).toBeLessThanOrEqual(sockets), {
        timeout: 10_000,
      })
    },
  )

  it.each(CLIENTS)(
    'of a buffered download (%s): no file is left, and the peer is let go',
    async (client) => {
      const tempPath = tempFolder()
      const options = { buffering: 'on', buffers: '16k', maxTempFile: '1m', tempPath } as const
      const stage = await openStage(client, { upstream: [origin.url], ...options })
      const [peer] = stage.balancer.upstream.peers
      const trip = tripOf(0, 'length')
      const { path } = origin.expect({
        ...trip,
        response: { ...trip.response, size: 64 * KB * KB },
      })
      const finished = new Promise((resolve) => stage.balancer.on('finish', resolve))
      const { outgoing, leave } = download(client, stage.port, path)
      await once(outgoing, 'response')
      if (canLook)
        await vi.waitFor(() => expect(openFiles(tempPath)[0]).toBe(KB * KB), { timeout: 10_000 })
      expect(peer?.connections).toBe(1)
      leave()
      await finished
      expect(stage.finished).toMatchObject([{ status: 499 }])
      expect(peer?.connections).toBe(0)
      await vi.waitFor(() => expect(openFiles(tempPath)).toEqual([]), { timeout: 10_000 })
      await stage.close()
    },
  )
})

/** Asks, and does not read the answer. */
function download(client: Client, port: number, path: string) {
  if (client === 'h1') {
    const outgoing = request({ port, host: '127.0.0.1', agent: false, method: 'POST', path })
    outgoing.on('error', () => undefined)
    outgoing.on('response', (response) => response.on('error', () => undefined))
    outgoing.end()
    return { outgoing, leave: () => void outgoing.destroy() }
  }
  const session = connect(`https://localhost:${port}`, { ca: forLocalhost.cert })
  session.on('error', () => undefined)
  const outgoing = session.request({ ':method': 'POST', ':path': path })
  outgoing.on('error', () => undefined)
  outgoing.on('close', () => session.destroy())
  outgoing.end()
  return { outgoing, leave: () => outgoing.close(constants.NGHTTP2_CANCEL) }
}

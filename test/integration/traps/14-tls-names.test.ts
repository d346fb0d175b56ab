/**
 * Trap 14: a resumed TLS session skips the check of the host name, and without a name of its own Node takes the one to
 * check from the request's `Host`: the client's.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { createUpstream } from 'evenkeel'
import { respond } from 'evenkeel/testing'
import type { MockUpstream } from 'evenkeel/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { forLocalhost, forOther } from '../../fixtures/test-only-certificates.js'
import { ask, ask2, http2Session } from '../../helpers/clients.js'
import { carrier } from '../../helpers/carrier.js'
import { serve, upstream } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

const ca = [forLocalhost.cert, forOther.cert]

describe('trap 14: the name that a peer is checked against', () => {
  it.each(['localhost', '127.0.0.1'])(
    'is never the client’s Host (peer https://%s)',
    async (hostname) => {
      const mock = await upstream({ tls: forOther })
      const { port, errors } = await serve(
        { upstream: [`https://${hostname}:${mock.port}`] },
        { tls: { ca } },
      )
      for (const host of ['other.test', 'other.test:443', 'OTHER.TEST', 'localhost', '127.0.0.1']) {
        const reply = await ask(port, { headers: { Host: host } })
        expect(reply, host).toMatchObject({ whole: true, status: 502 })
        expect(reply.headers['proxy-status']).toMatch(/error=tls_certificate_error/)
      }
      expect(errors).toHaveLength(5)
      expect(mock.requests).toEqual([])
    },
  )

  it('nor an HTTP/2 client’s :authority, nor a Host that is made here', async () => {
    const mock = await upstream({ tls: forOther })
    const peers = { upstream: [`https://localhost:${mock.port}`] }
    const { port } = await serve(peers, { tls: { ca } }, { kind: 'http2' })
    expect(await ask2(http2Session(port), { ':authority': 'other.test' })).toMatchObject({
      whole: true,
      status: 502,
    })
    const { port: fixed } = await serve(peers, { tls: { ca }, host: 'other.test' })
    expect(await ask(fixed)).toMatchObject({ whole: true, status: 502 })
    expect(mock.requests).toEqual([])
  })

  it('is the peer’s host name, or tls.name, whatever Host says', async () => {
    const right = await upstream({ tls: forLocalhost })
    const { port } = await serve({ upstream: [`https://localhost:${right.port}`] }, { tls: { ca } })
    expect(await ask(port, { headers: { Host: 'other.test' } })).toMatchObject({ status: 200 })
    expect(right.requests[0]!.headers['host']).toBe('other.test')
    const named = await upstream({ tls: forOther })
    const { port: port2 } = await serve([named], { tls: { ca, name: 'other.test' } })
    expect(await ask(port2, { headers: { Host: 'localhost' } })).toMatchObject({ status: 200 })
  })

  it('a peer with a wrong certificate costs a try, not an answer', async () => {
    const wrong = await upstream({ tls: forOther })
    const right = await upstream({ tls: forLocalhost, answer: respond({ body: 'right' }) })
    const { port } = await serve(
      { upstream: [wrong, right].map((mock) => `https://localhost:${mock.port}`) },
      { tls: { ca } },
    )
    expect(await ask(port)).toMatchObject({ whole: true, status: 200, body: 'right' })
  })
})

describe('trap 14: verify', () => {
  it('is on by default', async () => {
    const mock = await upstream({ tls: forLocalhost })
    const { port } = await serve({ upstream: [`https://localhost:${mock.port}`] })
    const reply = await ask(port)
    expect(reply).toMatchObject({ whole: true, status: 502 })
    expect(reply.headers['proxy-status']).toMatch(/error=tls_certificate_error/)
    expect(mock.requests).toEqual([])
  })

  it.each(['localhost', '127.0.0.1'])(
    'false takes any certificate (peer https://%s)',
    async (hostname) => {
      const mock = await upstream({ tls: forOther })
      const { port } = await serve(
        { upstream: [`https://${hostname}:${mock.port}`] },
        { tls: { verify: false } },
      )
      expect(await ask(port)).toMatchObject({ whole: true, status: 200 })
      expect(await ask(port)).toMatchObject({ whole: true, status: 200 })
    },
  )

  it('false in one upstream is not false in another', async () => {
    const mock = await upstream({ tls: forOther })
    const peers = { upstream: [`https://localhost:${mock.port}`] }
    const lax = await serve(peers, { tls: { verify: false }, keepalive: { requests: 1 } })
    for (let i = 0; i < 3; i++) expect(await ask(lax.port)).toMatchObject({ status: 200 })
    const strict = await serve(peers, { tls: { ca }, keepalive: { requests: 1 } })
    for (let i = 0; i < 3; i++) expect(await ask(strict.port)).toMatchObject({ status: 502 })
    expect(mock.requests).toHaveLength(3)
  })
})

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('trap 14: sessions of %s', (version) => {
  /** Were the outgoing connections resumed ones? Asked when the upstream has the request. */
  function resumptions(mock: MockUpstream): boolean[] {
    const resumed: boolean[] = []
    let latest: Pick<ClientRequest, 'socket'> | undefined
    const isUndici = carrier === 'undici'
    const channel = isUndici ? 'undici:client:sendHeaders' : 'http.client.request.start'
    const note = (message: unknown): void => {
      if (isUndici) {
        latest = message as { socket: TLSSocket }
        return
      }
      const { request } = message as { request: ClientRequest }
      if (request.protocol === 'https:') latest = request
    }
    subscribe(channel, note)
    onTestFinished(() => void unsubscribe(channel, note))
    mock.reply(() => {
      resumed.push((latest!.socket as TLSSocket).isSessionReused())
      return respond()
    })
    return resumed
  }

  const tls = { ca, minVersion: version, maxVersion: version }
  /** Every request on a connection of its own. */
  const keepalive = { requests: 1 }

  it('are resumed with the peer they were made with', async () => {
    const mock = await upstream({ tls: { ...forLocalhost, minVersion: version } })
    const resumed = resumptions(mock)
    const { port } = await serve(
      { upstream: [`https://localhost:${mock.port}`] },
      { tls, keepalive },
    )
    for (let i = 0; i < 3; i++) expect(await ask(port)).toMatchObject({ status: 200 })
    expect(mock.connections).toBe(3)
    expect(resumed[0]).toBe(false)
    expect(resumed.at(-1)).toBe(true)
  })

  it('never cross from one peer’s name to another’s, of one upstream', async () => {
    const mock = await upstream({ tls: { ...forLocalhost, minVersion: version } })
    const group = createUpstream({
      // The same server under a name that its certificate has, and under one that it has not.
      peers: [`https://localhost:${mock.port}`, `https://127.0.0.1:${mock.port}`],
      selector: (peers, { headers }) =>
        peers.find(({ index }) => index === Number(headers['x-peer'])),
      tls,
      keepalive,
      maxFails: 0,
    })
    onTestFinished(() => group.close())
    const { port } = await serve({ upstream: group }, { nextUpstream: { on: ['off'] } })
    const at = async (peer: number): Promise<number> =>
      (await ask(port, { headers: { 'X-Peer': String(peer) } })).status
    for (const peer of [1, 0, 0, 0, 1, 0, 1, 1])
      expect(await at(peer), `peer ${peer}`).toBe(peer === 0 ? 200 : 502)
    expect(mock.requests).toHaveLength(4)
  })

  it('never cross from one upstream’s name to another’s', async () => {
    const mock = await upstream({ tls: { ...forLocalhost, minVersion: version } })
    const right = await serve([mock], { tls: { ...tls, name: 'localhost' }, keepalive })
    for (let i = 0; i < 3; i++) expect(await ask(right.port)).toMatchObject({ status: 200 })
    const wrong = await serve([mock], { tls: { ...tls, name: 'other.test' }, keepalive })
    for (let i = 0; i < 3; i++) expect(await ask(wrong.port)).toMatchObject({ status: 502 })
  })
})

/** `tls` for all peers and for one: client certificates, authorities, names. */
import { createUpstream } from 'evenkeel'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  authority,
  client1,
  client2,
  expiredClient,
  goodPeer,
  strangeAuthority,
  strangeClient,
  strangePeer,
  wrongNamePeer,
} from '../../fixtures/test-only-authority.js'
import { ask } from '../../helpers/clients.js'
import { serve } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { securePeer } from './peers.js'

watchProcess()

const mutual = { requestCert: true, rejectUnauthorized: true, ca: authority }

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('mutual %s', (version) => {
  it.each(['GET', 'POST'])('%s: the peer sees our certificate', async (method) => {
    const peer = await securePeer({ ...mutual, minVersion: version, maxVersion: version })
    const { port } = await serve({ upstream: [peer.url] }, { tls: { ca: authority, ...client1 } })
    const body = method === 'POST' ? 'body' : undefined
    expect(await ask(port, { method, ...(body === undefined ? {} : { body }) })).toMatchObject({
      status: 200,
      body: 'good',
    })
    expect(peer.requests).toMatchObject([{ method, client: 'client-1', body: body ?? '' }])
  })

  it.each([
    ['of an authority that the peer does not know', strangeClient],
    ['that has expired', expiredClient],
  ])('a certificate %s: nothing is answered by it', async (_why, client) => {
    const peer = await securePeer({ ...mutual, minVersion: version, maxVersion: version })
    const { port, errors } = await serve(
      { upstream: [peer.url] },
      { tls: { ca: authority, ...client } },
    )
    expect(await ask(port)).toMatchObject({ whole: true, status: 502 })
    expect(peer.requests).toEqual([])
    // Node's server says nothing: all that comes is the end, and in TLS 1.3 the request could have been read.
    expect(errors[0]!.attempts.map(({ outcome }) => outcome)).toEqual([
      version === 'TLSv1.2' ? 'connection_terminated in tls' : 'connection_terminated in header',
    ])
  })
})

it('a mere end after the handshake leaves a POST alone: it could have been read', async () => {
  const peers = await Promise.all([
    securePeer({ ...mutual, minVersion: 'TLSv1.3' }),
    securePeer({ ...mutual, minVersion: 'TLSv1.3' }),
  ])
  const { port, errors } = await serve(
    { upstream: peers.map(({ url }) => url) },
    { tls: { ca: authority, ...strangeClient } },
  )
  expect(await ask(port, { method: 'POST', body: 'x' })).toMatchObject({ status: 502 })
  expect(errors[0]!.attempts).toHaveLength(1)
})

describe('a peer’s own tls', () => {
  it('wins over the upstream’s, option by option', async () => {
    const peers = await Promise.all([
      securePeer(mutual),
      securePeer(mutual),
      securePeer({ ...strangePeer, requestCert: true, rejectUnauthorized: false }),
      securePeer({ ...wrongNamePeer, requestCert: true, rejectUnauthorized: false }),
    ])
    const own = [undefined, client2, { ca: strangeAuthority }, { name: 'other.test' }]
    const { port } = await serve(
      { upstream: peers.map(({ url }, i) => ({ url, ...(own[i] && { tls: own[i] }) })) },
      { tls: { ca: authority, ...client1 } },
    )
    for (let i = 0; i < 4; i++) expect(await ask(port)).toMatchObject({ status: 200 })
    expect(peers.map(({ requests }) => requests.map(({ client }) => client))).toEqual([
      ['client-1'],
      ['client-2'],
      ['client-1'],
      ['client-1'],
    ])
  })

  it('`verify: false` of one peer is not that of another', async () => {
    const peers = await Promise.all([securePeer(strangePeer), securePeer(strangePeer)])
    const upstream = createUpstream({
      peers: peers.map(({ url }, i) => ({ url, ...(i === 0 && { tls: { verify: false } }) })),
      selector: (all, { headers }) => all.find(({ index }) => index === Number(headers['x-peer'])),
      keepalive: { requests: 1 },
      maxFails: 0,
    })
    onTestFinished(() => upstream.close())
    const { port } = await serve({ upstream }, { nextUpstream: { on: ['off'] } })
    for (const peer of [0, 1, 0, 1, 0, 0, 1])
      expect((await ask(port, { headers: { 'X-Peer': peer } })).status).toBe(peer ? 502 : 200)
  })

  it('needs no `tls` of the upstream, and may turn `verify` on again', async () => {
    const good = await securePeer()
    const bad = await securePeer(strangePeer)
    const { port } = await serve(
      { upstream: [good, bad].map(({ url }) => ({ url, tls: { ca: authority, verify: true } })) },
      { tls: { verify: false } },
    )
    for (let i = 0; i < 3; i++) expect(await ask(port)).toMatchObject({ status: 200 })
    expect(good.requests).toHaveLength(3)
    expect(bad.requests).toEqual([])
  })
})

describe('the name', () => {
  it.each([
    ['localhost', undefined, 'localhost'],
    ['LOCALHOST', undefined, 'localhost'],
    ['127.0.0.1', undefined, false],
    ['127.0.0.1', 'localhost', 'localhost'],
    ['127.0.0.1', 'localhost.', 'localhost'],
    ['localhost', '127.0.0.1', false],
    ['localhost', '::1', false],
  ])('https://%s with name %s is asked for as %s', async (host, name, servername) => {
    const peer = await securePeer()
    const { port } = await serve(
      { upstream: [`https://${host}:${peer.port}`] },
      { tls: { ca: authority, ...(name === undefined ? {} : { name }) } },
    )
    expect(await ask(port, { headers: { Host: 'client.example' } })).toMatchObject({ status: 200 })
    expect(peer.requests).toMatchObject([{ servername }])
  })

  it.each(['127.0.0.2', '::2', 'other.test', 'localhost.other.test'])(
    'is checked: %s is not the peer’s',
    async (name) => {
      const peer = await securePeer()
      const { port } = await serve({ upstream: [peer.url] }, { tls: { ca: authority, name } })
      const reply = await ask(port)
      expect(reply.status).toBe(502)
      expect(reply.headers['proxy-status']).toContain('ERR_TLS_CERT_ALTNAME_INVALID')
      expect(peer.requests).toEqual([])
    },
  )
})

it('several authorities, as a list and in one text', async () => {
  const peers = await Promise.all([securePeer(goodPeer), securePeer(strangePeer)])
  for (const ca of [[authority, strangeAuthority], authority + strangeAuthority]) {
    const { port } = await serve({ upstream: peers.map(({ url }) => url) }, { tls: { ca } })
    for (let i = 0; i < 2; i++) expect(await ask(port)).toMatchObject({ status: 200 })
  }
  expect(peers.map(({ requests }) => requests.length)).toEqual([2, 2])
})

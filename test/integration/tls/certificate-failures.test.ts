/**
 * A peer that cannot be trusted, or that does not trust us: each eligible peer is tried, and then the log and
 * `Proxy-Status` say exactly why.
 */
import type { BalancerSettings } from '../../helpers/serve.js'
import { describe, expect, it } from 'vitest'
import {
  authority,
  expiredPeer,
  futurePeer,
  strangeAuthority,
  strangePeer,
  wrongNamePeer,
} from '../../fixtures/test-only-authority.js'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import { ask } from '../../helpers/clients.js'
import { serve } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { alertingPeer, securePeer, tcpPeer } from './peers.js'
import type { Listening, SecurePeer } from './peers.js'

watchProcess()

const wantsClient = { requestCert: true, rejectUnauthorized: true, ca: authority }
const CERTIFICATE = 'tls_certificate_error'

interface BadPeer {
  readonly name: string
  readonly start: () => Promise<Listening | SecurePeer>
  readonly type: string
  /** As in the log and in `Proxy-Status`. */
  readonly outcome: string
  readonly phase: 'tls' | 'connect'
  /** Further parameters of `Proxy-Status`. */
  readonly parameters?: string
  readonly tls?: BalancerSettings['tls']
}

function certificate(name: string, code: string, start: BadPeer['start']): BadPeer {
  return { name, start, type: CERTIFICATE, outcome: `${CERTIFICATE} (${code})`, phase: 'tls' }
}

function alert(name: string, description: string, id: number, start: BadPeer['start']): BadPeer {
  return {
    name,
    start,
    type: 'tls_alert_received',
    outcome: `tls_alert_received (${description})`,
    phase: 'tls',
    parameters: `; alert-message=${description}; alert-id=${id}`,
  }
}

function forTls(version: 'TLSv1.2' | 'TLSv1.3') {
  return { minVersion: version, maxVersion: version } as const
}

const BAD: readonly BadPeer[] = [
  certificate('a wrong name', 'ERR_TLS_CERT_ALTNAME_INVALID', () => securePeer(wrongNamePeer)),
  certificate('an expired one', 'CERT_HAS_EXPIRED', () => securePeer(expiredPeer)),
  certificate('one of the future', 'CERT_NOT_YET_VALID', () => securePeer(futurePeer)),
  certificate('a self-signed one', 'DEPTH_ZERO_SELF_SIGNED_CERT', () => securePeer(forLocalhost)),
  certificate('an unknown authority', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', () =>
    securePeer(strangePeer),
  ),
  certificate('an unknown authority that is sent along', 'SELF_SIGNED_CERT_IN_CHAIN', () =>
    securePeer({ key: strangePeer.key, cert: strangePeer.cert + strangeAuthority }),
  ),
  ...(['TLSv1.2', 'TLSv1.3'] as const).map((version) => ({
    ...certificate(`an expired one in ${version}`, 'CERT_HAS_EXPIRED', () =>
      securePeer({ ...expiredPeer, ...forTls(version) }),
    ),
  })),
  alert('no client certificate in TLS 1.2', 'handshake_failure', 40, () =>
    securePeer({ ...wantsClient, ...forTls('TLSv1.2') }),
  ),
  alert('no client certificate in TLS 1.3', 'certificate_required', 116, () =>
    securePeer({ ...wantsClient, ...forTls('TLSv1.3') }),
  ),
  {
    ...alert('no version in common', 'protocol_version', 70, () =>
      securePeer({ minVersion: 'TLSv1.3' }),
    ),
    tls: { ca: authority, maxVersion: 'TLSv1.2' },
  },
  alert('an unknown name', 'unrecognized_name', 112, () => alertingPeer(112)),
  alert('an unknown client authority', 'unknown_ca', 48, () => alertingPeer(48)),
  {
    name: 'plain HTTP on an https: peer',
    start: () =>
      tcpPeer((socket) => socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))),
    type: 'tls_protocol_error',
    outcome: 'tls_protocol_error (ERR_SSL_WRONG_VERSION_NUMBER)',
    phase: 'tls',
  },
]

const body = 'x'.repeat(1000)
const GET = { method: 'GET' }
const POST = { method: 'POST', body }

describe.each(BAD)('$name', (bad) => {
  const tls = bad.tls ?? { ca: authority }

  describe.each([GET, POST])('$method', (request) => {
    it.each([1, 2, 3])('%i peers: 502, and each reason', async (count) => {
      const peers = await Promise.all(Array.from({ length: count }, bad.start))
      const { port, errors } = await serve(
        { upstream: peers.map(({ url }) => url) },
        { tls, probe: false },
      )
      const reply = await ask(port, request)
      expect(reply).toMatchObject({ whole: true, status: 502 })
      const outcomes = Array.from({ length: count }, () => bad.outcome).join(', ')
      expect(reply.headers['proxy-status']).toBe(
        `evenkeel; error=${bad.type}${bad.parameters ?? ''}; ` +
          `details="${count} attempt${count === 1 ? '' : 's'}: ${outcomes}"`,
      )
      expect(errors).toHaveLength(1)
      const { attempts, code } = errors[0]!
      expect(code).toBe('ERR_UPSTREAM_CONNECTION')
      expect(attempts.map(({ outcome }) => outcome)).toEqual(
        Array.from({ length: count }, () => `${bad.outcome} in ${bad.phase}`),
      )
      for (const peer of peers) {
        expect(peer.connections).toBe(1)
        expect('requests' in peer ? peer.requests : []).toEqual([])
      }
    })

    it.each([1, 2])('%i of them, and a good one: 200', async (count) => {
      const peers = await Promise.all(Array.from({ length: count }, bad.start))
      const good = await securePeer()
      const upstream = [...peers.map(({ url }) => url), { url: good.url, tls: { ca: authority } }]
      const { port, finished, over } = await serve({ upstream }, { tls })
      expect(await ask(port, request)).toMatchObject({ whole: true, status: 200, body: 'good' })
      expect(good.requests).toMatchObject([
        { method: request.method, body: 'body' in request ? request.body : '' },
      ])
      await over(1)
      expect(finished[0]!.attempts.map(({ outcome }) => outcome)).toEqual([
        ...Array.from({ length: count }, () => `${bad.outcome} in ${bad.phase}`),
        'ok',
      ])
    })
  })
})

describe('what the client is told', () => {
  it('has each reason in order, and the last one’s alert', async () => {
    const peers = await Promise.all([
      securePeer(expiredPeer),
      securePeer(wrongNamePeer),
      securePeer({ ...wantsClient, ...forTls('TLSv1.3') }),
    ])
    const { port } = await serve(
      { upstream: peers.map(({ url }) => url) },
      { tls: { ca: authority } },
    )
    expect((await ask(port, POST)).headers['proxy-status']).toBe(
      'evenkeel; error=tls_alert_received; alert-message=certificate_required; alert-id=116; ' +
        'details="3 attempts: tls_certificate_error (CERT_HAS_EXPIRED), ' +
        'tls_certificate_error (ERR_TLS_CERT_ALTNAME_INVALID), ' +
        'tls_alert_received (certificate_required)"',
    )
  })

  it('has no name and no address of a peer in it', async () => {
    const peer = await securePeer(wrongNamePeer)
    const { port } = await serve(
      { upstream: [`https://127.0.0.1:${peer.port}`] },
      { tls: { ca: authority, name: 'inner.example' } },
    )
    const reply = await ask(port)
    const told = JSON.stringify([reply.rawHeaders, reply.body])
    for (const inner of ['127.0.0.1', String(peer.port), 'inner', 'example', 'other.test'])
      expect(told).not.toContain(inner)
  })
})

it('more than `tries` peers are not asked', async () => {
  const peers = await Promise.all(Array.from({ length: 4 }, () => securePeer(expiredPeer)))
  const good = await securePeer()
  const upstream = [...peers, good].map(({ url }) => url)
  const three = await serve({ upstream }, { tls: { ca: authority } })
  expect(await ask(three.port)).toMatchObject({ status: 502 })
  const five = await serve({ upstream }, { tls: { ca: authority }, nextUpstream: { tries: 5 } })
  expect(await ask(five.port, POST)).toMatchObject({ status: 200 })
})

it('peers that are marked for it are tried all the same when nobody else is there', async () => {
  const peers = await Promise.all([securePeer(expiredPeer), securePeer(wrongNamePeer)])
  const { port } = await serve(
    { upstream: peers.map(({ url }) => url) },
    { tls: { ca: authority }, probe: false },
  )
  for (let i = 0; i < 3; i++) {
    const reply = await ask(port, POST)
    expect(reply.status).toBe(502)
    expect(reply.headers['proxy-status']).toMatch(/details="2 attempts: .*CERT_HAS_EXPIRED/)
  }
})

describe('TLS on an http: peer', () => {
  it('the next peer for what may be repeated', async () => {
    const peer = await securePeer()
    const good = await securePeer()
    const { port, finished, over } = await serve(
      { upstream: [`http://127.0.0.1:${peer.port}`, good.url] },
      { tls: { ca: authority } },
    )
    expect(await ask(port)).toMatchObject({ whole: true, status: 200 })
    await over(1)
    expect(finished[0]!.attempts[0]).toMatchObject({ status: 0 })
  })

  it('502 for what may not', async () => {
    const peer = await securePeer()
    const good = await securePeer()
    const { port } = await serve(
      { upstream: [`http://127.0.0.1:${peer.port}`, good.url] },
      { tls: { ca: authority } },
    )
    expect(await ask(port, POST)).toMatchObject({ whole: true, status: 502 })
    expect(good.requests).toEqual([])
  })
})

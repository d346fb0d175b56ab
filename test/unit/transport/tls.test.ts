import { X509Certificate } from 'node:crypto'
import type { PeerCertificate } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { bindOptions } from '../../../src/transport/bind.js'
import { UpstreamTls } from '../../../src/transport/tls.js'
import { goodPeer, wrongNamePeer } from '../../fixtures/test-only-authority.js'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import type { TestCertificate } from '../../fixtures/test-only-certificates.js'

const group = { verify: true, name: undefined }

function peer(hostname: string, index = 0) {
  const address = { protocol: 'https:', hostname, port: 443, socketPath: undefined } as const
  return { ...address, name: `${hostname}:443`, index }
}

const certificateFor = (name: string): PeerCertificate =>
  ({ subject: { CN: 'none' }, subjectaltname: `DNS:${name}` }) as unknown as PeerCertificate

/** As Node hands it to the check. */
const certificateOf = ({ cert }: TestCertificate): PeerCertificate =>
  new X509Certificate(cert).toLegacyObject()

const WRONG_NAME = { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }

describe('UpstreamTls', () => {
  it.each([
    ['a.example', undefined, 'a.example'],
    ['a.example.', undefined, 'a.example'],
    ['a.example', 'b.example', 'b.example'],
    ['10.0.0.1', 'b.example', 'b.example'],
  ])('https://%s with name %s', (hostname, name, servername) => {
    const options = new UpstreamTls({ ...group, name }).connectOptions(peer(hostname))
    expect(options).toMatchObject({ servername, rejectUnauthorized: true })
    // What is asked for is not what Node thinks, but what the settings say.
    const { checkServerIdentity } = options
    for (const asked of ['client.example', hostname]) {
      expect(checkServerIdentity(asked, certificateFor(servername))).toBeUndefined()
      expect(checkServerIdentity(asked, certificateFor('client.example'))).toMatchObject(WRONG_NAME)
    }
  })

  it.each([
    ['127.0.0.1', undefined, goodPeer],
    ['::1', undefined, goodPeer],
    ['a.example', '127.0.0.1', goodPeer],
    ['a.example', '::1', goodPeer],
    ['10.0.0.1', '::1', goodPeer],
    ['127.0.0.2', undefined, undefined],
    ['::2', undefined, undefined],
    ['127.0.0.1', '127.0.0.2', undefined],
    ['::1', '::2', undefined],
  ])('https://%s with name %s: an address is checked and not sent', (hostname, name, right) => {
    const options = new UpstreamTls({ ...group, name }).connectOptions(peer(hostname))
    expect(options).toMatchObject({ servername: '', rejectUnauthorized: true })
    const { checkServerIdentity } = options
    const checked = checkServerIdentity('localhost', certificateOf(goodPeer))
    if (right === undefined) expect(checked).toMatchObject(WRONG_NAME)
    else expect(checked).toBeUndefined()
    expect(checkServerIdentity('other.test', certificateOf(wrongNamePeer))).toMatchObject(
      WRONG_NAME,
    )
  })

  it.each(['127.0.0.1', 'localhost'])('no certificate at all is not for %s', (hostname) => {
    const options = new UpstreamTls(group).connectOptions(peer(hostname))
    expect(options.checkServerIdentity(hostname, {} as PeerCertificate)).toBeInstanceOf(Error)
  })

  it('lays a peer’s own over the group’s', () => {
    const tls = new UpstreamTls({ ...group, name: 'group.example' })
    const peers = [0, 1, 2].map((index) => peer('a.example', index))
    tls.replaceOwn(peers[1]!, { verify: false })
    tls.replaceOwn(peers[2]!, { name: 'own.example' })
    const options = peers.map((each) => tls.connectOptions(each))
    expect(options).toMatchObject([
      { rejectUnauthorized: true, servername: 'group.example' },
      { rejectUnauthorized: false, servername: 'group.example' },
      { rejectUnauthorized: true, servername: 'own.example' },
    ])
  })

  it('reads certificates once, and again only when they are replaced', () => {
    const tls = new UpstreamTls({ ...group, ...forLocalhost })
    const peers = [0, 1, 2].map((index) => peer('a.example', index))
    tls.replaceOwn(peers[2]!, {})
    const contexts = () => peers.map((each) => tls.connectOptions(each).secureContext)
    const before = contexts()
    expect(contexts()).toEqual(before)
    expect(before[0]).toBe(before[1])
    expect(before[0]).not.toBe(before[2])
    tls.replaceOwn(peers[1]!, { verify: false })
    const own = contexts()
    expect([own[0] === before[0], own[1] === before[1], own[2] === before[2]]).toEqual([
      true,
      false,
      true,
    ])
    tls.replaceGroup(group)
    expect(contexts().every((context) => !own.includes(context))).toBe(true)
    expect(tls.connectOptions(peers[1]!).rejectUnauthorized).toBe(false)
  })
})

describe('bindOptions', () => {
  it.each([
    ['127.0.0.2', { localAddress: '127.0.0.2', family: 4 }],
    ['::1', { localAddress: '::1', family: 6 }],
    [undefined, {}],
  ])('%s', (bind, options) => {
    expect(bindOptions(peer('a.example'), bind)).toEqual(options)
  })

  it('are none for a unix socket', () => {
    expect(bindOptions({ ...peer(''), socketPath: '/run/a.sock' }, '127.0.0.2')).toEqual({})
  })
})

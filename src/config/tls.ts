/** TLS towards the peers. Certificates and keys are checked, and never shown. */
import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { SecureVersion } from 'node:tls'
import type { PeerOptions, PeerTlsOptions } from '../options.js'
import type { PeerAddress } from '../upstream/peer.js'
import type { Problems } from './problems.js'
import { isOptions, namesOf, Section, toList } from './section.js'
import type { TextRule } from './section.js'
import type { OwnTlsConfig, PeerTlsConfig } from './types.js'

const TLS = namesOf<PeerTlsOptions>({
  verify: true,
  name: true,
  ca: true,
  cert: true,
  key: true,
  passphrase: true,
  pfx: true,
  ciphers: true,
  minVersion: true,
  maxVersion: true,
})

const VERSIONS: readonly SecureVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']
const SERVER_NAME: TextRule = {
  rule: 'must be a host name',
  holds: (value) => /^[A-Za-z\d_.:-]+$/.test(value),
}

/** What a certificate or key may be, and the object form that OpenSSL's wrapper takes beside it. */
const MATERIAL = {
  ca: { form: undefined, rule: 'must be PEM text, a Buffer, or a list of these' },
  cert: { form: undefined, rule: 'must be PEM text, a Buffer, or a list of these' },
  key: { form: 'pem', rule: 'must be PEM text, a Buffer, or a list of these or of { pem }' },
  pfx: { form: 'buf', rule: 'must be a Buffer, text, or a list of these or of { buf }' },
} as const
const MATERIALS = Object.keys(MATERIAL) as readonly (keyof typeof MATERIAL)[]

type Material = Omit<PeerTlsOptions, 'verify' | 'name'>

/** The upstream's. Options that are unusable together (a key for another certificate, say) are found here. */
export function readTls<T extends { tls?: PeerTlsOptions }>(
  parent: Section<T>,
  verify: boolean,
): PeerTlsConfig {
  const given = readGiven(parent)
  const config = { verify, name: undefined, ...given }
  if (isUsable(parent.problems, parent.path('tls'), config)) return Object.freeze(config)
  return Object.freeze({ verify: config.verify, name: config.name })
}

/** A peer's own, checked together with what it takes over. */
export function readOwnTls(
  peer: Section<PeerOptions>,
  protocol: PeerAddress['protocol'] | undefined,
  group: PeerTlsConfig,
): OwnTlsConfig | undefined {
  if (!peer.given('tls')) return undefined
  if (protocol === 'http:') {
    peer.problems.say(peer.path('tls'), 'is of no use for a peer that is not https:')
    return undefined
  }
  const given = readGiven(peer)
  isUsable(peer.problems, peer.path('tls'), { ...group, ...given })
  return Object.freeze(given)
}

/** Those that are given; a certificate or key only when all of them are what they should be. */
function readGiven<T extends { tls?: PeerTlsOptions }>(parent: Section<T>): OwnTlsConfig {
  const options = open(parent)
  return {
    ...(options.given('verify') ? { verify: options.boolean('verify', true) } : {}),
    ...(options.given('name') ? { name: options.text('name', SERVER_NAME, '') } : {}),
    ...readMaterial(options),
  }
}

function open<T extends { tls?: PeerTlsOptions }>(parent: Section<T>): Section<PeerTlsOptions> {
  const value = parent.given('tls') ? parent.value('tls') : {}
  if (!isOptions(value)) parent.problems.addSecret(parent.path('tls'), 'must be an object', value)
  const options = isOptions(value) ? value : {}
  return new Section<PeerTlsOptions>(parent.problems, parent.path('tls'), options, TLS)
}

/** Undefined when one of them is wrong. */
function readMaterial(options: Section<PeerTlsOptions>): Material | undefined {
  const before = options.problems.count
  const material: Record<string, unknown> = {}
  for (const name of MATERIALS) {
    const value = options.value(name)
    if (value === undefined) continue
    material[name] = value
    const { form, rule } = MATERIAL[name]
    if (!isMaterial(value, form)) options.problems.addSecret(options.path(name), rule, value)
  }
  const passphrase = options.value('passphrase')
  if (passphrase !== undefined) material['passphrase'] = passphrase
  if (passphrase !== undefined && typeof passphrase !== 'string') {
    options.problems.addSecret(options.path('passphrase'), 'must be a text', passphrase)
  }
  if (options.given('ciphers')) material['ciphers'] = options.text('ciphers', CIPHERS, '')
  for (const name of ['minVersion', 'maxVersion'] as const) {
    if (options.given(name)) material[name] = options.choice(name, VERSIONS, 'TLSv1.2')
  }
  return options.problems.count === before ? material : undefined
}

const CIPHERS: TextRule = { rule: 'must be a list of ciphers', holds: (value) => value !== '' }

function isMaterial(value: unknown, form: 'pem' | 'buf' | undefined): boolean {
  const items = toList(value)
  if (items === undefined) return isBytes(value)
  return items.every((item) => isBytes(item) || isObjectForm(item, form))
}

function isBytes(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || ArrayBuffer.isView(value)
}

function isObjectForm(value: unknown, form: 'pem' | 'buf' | undefined): boolean {
  if (form === undefined || !isOptions(value)) return false
  try {
    const passphrase: unknown = Reflect.get(value, 'passphrase')
    const known = passphrase === undefined || typeof passphrase === 'string'
    return known && isBytes(Reflect.get(value, form))
  } catch {
    return false
  }
}

/** Notes what keeps them from being used together; the values are not shown. */
export function isUsable(problems: Problems, path: string, config: PeerTlsConfig): boolean {
  const { verify: _verify, name: _name, ...material } = config
  const { minVersion = 'TLSv1', maxVersion = 'TLSv1.3' } = material
  const before = problems.count
  if (VERSIONS.indexOf(minVersion) > VERSIONS.indexOf(maxVersion)) {
    problems.say(`${path}.minVersion`, 'must not be above maxVersion')
  }
  if (Object.keys(material).length === 0) return true
  // OpenSSL's wrapper takes a list of authorities without one: a file that is only half written would trust nobody.
  if (material.ca !== undefined && !holdCertificates(toList(material.ca) ?? [material.ca])) {
    problems.say(`${path}.ca`, 'must hold a certificate')
  }
  try {
    createSecureContext(material)
  } catch (error) {
    problems.say(path, `cannot be used: ${reasonOf(error)}`)
  }
  return problems.count === before
}

function holdCertificates(items: readonly unknown[]): boolean {
  try {
    for (const item of items) new X509Certificate(item as string | Buffer)
    return items.length > 0
  } catch {
    return false
  }
}

/** OpenSSL's own words, or Node's code; never the message, which may quote the value. */
function reasonOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown reason'
  for (const name of ['reason', 'code']) {
    const text: unknown = Reflect.get(error, name)
    if (typeof text === 'string') return text
  }
  return 'unknown reason'
}

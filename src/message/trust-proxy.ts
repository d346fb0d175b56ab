/** Express's `trust proxy`, with the rules of npm `proxy-addr`: who is believed about the client's address. */
import { isIP } from 'node:net'
import type { TrustProxy } from '../options.js'

/** Is this address believed? `hop` 0 is the peer of the socket, 1 whoever that peer names, and so on. */
export type Trust = (address: string, hop: number) => boolean

/** IPv4 network: `(address & mask) === network`. */
interface Network4 {
  readonly network: number
  readonly mask: number
}

interface Network6 {
  /** Eight groups of 16 bits. */
  readonly groups: readonly number[]
  readonly prefix: number
}

const NAMED_NETWORKS: ReadonlyMap<string, readonly string[]> = new Map([
  ['loopback', ['127.0.0.1/8', '::1/128']],
  ['linklocal', ['169.254.0.0/16', 'fe80::/10']],
  ['uniquelocal', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']],
])

/** Where IPv4 lives in IPv6: `::ffff:0:0/96`. */
const MAPPED: Network6 = { groups: [0, 0, 0, 0, 0, 0xffff, 0, 0], prefix: 96 }

const trustEveryone: Trust = () => true
const trustNobody: Trust = () => false

/**
 * Turns the option into a predicate. An address of a list is matched as an IPv4-mapped IPv6 address too, and the
 * other way round. Throws a TypeError for an entry that {@link isValidTrustEntry} refuses.
 */
export function compileTrust(trustProxy: TrustProxy): Trust {
  if (typeof trustProxy === 'function') return trustProxy
  if (typeof trustProxy === 'boolean') return trustProxy ? trustEveryone : trustNobody
  if (typeof trustProxy === 'number') return (_address, hop) => hop < trustProxy
  return trustNetworks(typeof trustProxy === 'string' ? [trustProxy] : trustProxy)
}

/**
 * Is this one text of the option right: an address, `address/prefix`, `IPv4 address/netmask`, `loopback`,
 * `linklocal`, `uniquelocal`, or several with commas between them? As in Express, a prefix of 0 is not:
 * who means everyone writes `true`.
 */
export function isValidTrustEntry(text: string): boolean {
  return text.split(',').every((part) => networksOf(part.trim()) !== undefined)
}

/**
 * The client's address: from the socket's peer along `X-Forwarded-For` from its right end, as far as every address
 * before it is trusted (`proxy-addr`). What is returned may be any text if a trusted peer wrote it.
 */
export function clientAddress(
  remote: string,
  forwardedFor: string | undefined,
  trust: Trust,
): string
export function clientAddress(
  remote: string | undefined,
  forwardedFor: string | undefined,
  trust: Trust,
): string | undefined
export function clientAddress(
  remote: string | undefined,
  forwardedFor: string | undefined,
  trust: Trust,
): string | undefined {
  if (forwardedFor === undefined) return remote
  let address = remote
  let hop = 0
  for (let end = forwardedFor.length; end >= 0;) {
    const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(',', end - 1)
    const next = forwardedFor.slice(comma + 1, end).trim()
    end = comma
    if (next === '') continue
    if (!trust(address ?? '', hop)) return address
    address = next
    hop++
  }
  return address
}

/** `::ffff:10.0.0.1` as `10.0.0.1`; every other text as it is. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

function trustNetworks(texts: readonly string[]): Trust {
  const v4: Network4[] = []
  const v6: Network6[] = []
  for (const text of texts) {
    for (const part of text.split(',')) {
      const networks = networksOf(part.trim())
      if (networks === undefined) throw new TypeError(`invalid address or network: ${part.trim()}`)
      for (const network of networks) addNetwork(v4, v6, network)
    }
  }
  return (address) => {
    const family = isIP(address)
    if (family === 4) return contains4(v4, parse4(address))
    if (family !== 6) return false
    const groups = parse6(address)
    return contains6(MAPPED, groups)
      ? contains4(v4, low32(groups))
      : v6.some((network) => contains6(network, groups))
  }
}

/**
 * Mapped IPv4 addresses are matched as IPv4 only, so that no wide IPv6 network trusts all of IPv4 by accident
 * (proxy-addr CVE-2026-90711); one that holds `::ffff:0:0` and more is wider than any that makes sense: for nobody.
 */
function addNetwork(v4: Network4[], v6: Network6[], network: Network4 | Network6): void {
  if ('mask' in network) v4.push(network)
  else if (!contains6(MAPPED, network.groups)) v6.push(network)
  else if (network.prefix >= MAPPED.prefix) {
    v4.push(network4(low32(network.groups), network.prefix - MAPPED.prefix))
  }
}

/** undefined: not an address, a network or a name. */
function networksOf(text: string): readonly (Network4 | Network6)[] | undefined {
  const named = NAMED_NETWORKS.get(text)
  if (named !== undefined) return named.flatMap((each) => networksOf(each) ?? [])
  const slash = text.lastIndexOf('/')
  const address = slash === -1 ? text : text.slice(0, slash)
  const range = slash === -1 ? undefined : text.slice(slash + 1)
  const family = isIP(address)
  if (family === 0) return undefined
  const longest = family === 4 ? 32 : 128
  const prefix = range === undefined ? longest : prefixLength(range, family)
  if (prefix <= 0 || prefix > longest) return undefined
  if (family === 4) return [network4(parse4(address), prefix)]
  return [{ groups: parse6(address), prefix }]
}

/** Bits of `8` or of `255.0.0.0`; -1 for neither. */
function prefixLength(range: string, family: number): number {
  if (/^[0-9]+$/.test(range)) return parseInt(range, 10)
  if (family !== 4 || isIP(range) !== 4) return -1
  const mask = parse4(range)
  const length = Math.clz32(~mask)
  return (mask | 0) === maskOf(length) ? length : -1
}

function maskOf(prefix: number): number {
  return prefix === 0 ? 0 : -1 << (32 - prefix)
}

function network4(address: number, prefix: number): Network4 {
  const mask = maskOf(prefix)
  return { network: address & mask, mask }
}

function contains4(networks: readonly Network4[], address: number): boolean {
  for (const { network, mask } of networks) if ((address & mask) === network) return true
  return false
}

function contains6(network: Network6, groups: readonly number[]): boolean {
  let bits = network.prefix
  for (let i = 0; bits > 0; i++, bits -= 16) {
    const difference = (network.groups[i] ?? 0) ^ (groups[i] ?? 0)
    if (difference >>> Math.max(0, 16 - bits) !== 0) return false
  }
  return true
}

function low32(groups: readonly number[]): number {
  return ((groups[6] ?? 0) << 16) | (groups[7] ?? 0)
}

/** A valid dotted IPv4 address as 32 bits (signed). */
function parse4(address: string): number {
  let bits = 0
  let part = 0
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i)
    if (code === 0x2e) {
      bits = (bits << 8) | part
      part = 0
    } else {
      part = part * 10 + code - 0x30
    }
  }
  return (bits << 8) | part
}

/** A valid IPv6 address as its eight groups; a zone (`%eth0`) is left aside. */
function parse6(address: string): number[] {
  const zone = address.indexOf('%')
  const text = zone === -1 ? address : address.slice(0, zone)
  const gap = text.indexOf('::')
  if (gap === -1) return groupsOf(text)
  const head = groupsOf(text.slice(0, gap))
  const tail = groupsOf(text.slice(gap + 2))
  while (head.length + tail.length < 8) head.push(0)
  return head.concat(tail)
}

function groupsOf(text: string): number[] {
  const groups: number[] = []
  if (text === '') return groups
  for (const part of text.split(':')) {
    if (!part.includes('.')) {
      groups.push(parseInt(part, 16))
      continue
    }
    const bits = parse4(part)
    groups.push(bits >>> 16, bits & 0xffff)
  }
  return groups
}

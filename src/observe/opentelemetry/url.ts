/** `url.full`: what was asked of whom, without secrets. */
import type { Peer } from '../../upstream/peer.js'

const REDACTED = 'REDACTED'

/** The semantic conventions' own list, in lower case. */
const SECRET_PARAMETERS: readonly string[] = [
  'awsaccesskeyid',
  'signature',
  'sig',
  'x-goog-signature',
]

/** Names of parameters whose values are not shown, in lower case. */
export type SecretParameters = ReadonlySet<string>

export function secretParameters(more: readonly string[] = []): SecretParameters {
  return new Set([...SECRET_PARAMETERS, ...more.map((name) => name.toLowerCase())])
}

/** `scheme://host:port/path?query`. User info is in no target that is sent to a peer, and in no peer's name. */
export function fullUrl(peer: Peer, target: string, secrets: SecretParameters): string {
  const path = target.startsWith('/') ? '' : '/'
  const authority = peer.socketPath === undefined ? peer.name : `${peer.name}:`
  return `${peer.protocol}//${authority}${path}${redactedTarget(target, secrets)}`
}

function redactedTarget(target: string, secrets: SecretParameters): string {
  const start = target.indexOf('?')
  if (start === -1) return target
  const parameters = target.slice(start + 1).split('&')
  return `${target.slice(0, start)}?${parameters.map((each) => redacted(each, secrets)).join('&')}`
}

function redacted(parameter: string, secrets: SecretParameters): string {
  const end = parameter.indexOf('=')
  if (end === -1) return parameter
  const name = parameter.slice(0, end)
  return secrets.has(decoded(name).toLowerCase()) ? `${name}=${REDACTED}` : parameter
}

function decoded(name: string): string {
  if (!name.includes('%')) return name
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

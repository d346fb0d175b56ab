/** Which upstream or location is meant. */
import type { Directive } from './conf.js'
import { printable } from './config-error.js'
import {
  findLocation,
  flattened,
  hasName,
  locationsOf,
  portsOf,
  serversIn,
  topBlocks,
} from './locations.js'
import type { LocationBlock, ServerBlock } from './locations.js'

/** The upstream or location is not there, or there are several. */
export class NginxImportError extends Error {
  constructor(message: string) {
    super(printable(message))
    this.name = 'NginxImportError'
  }
}

export function upstreamsIn(directives: readonly Directive[]): readonly Directive[] {
  return topBlocks(directives, 'upstream').map(({ directive }) => directive)
}

/** nginx compares names of upstreams without case. */
export function upstreamNamed(
  directives: readonly Directive[],
  name: string,
): Directive | undefined {
  const wanted = name.toLowerCase()
  return upstreamsIn(directives).find(({ args }) => args[0]?.toLowerCase() === wanted)
}

export function selectUpstream(
  directives: readonly Directive[],
  name: string | undefined,
): Directive {
  const all = upstreamsIn(directives)
  const names = all.map(({ args }) => `"${args[0] ?? ''}"`).join(', ')
  const [only] = all
  if (name === undefined) {
    if (only !== undefined && all.length === 1) return only
    throw new NginxImportError(
      `say which upstream or location is meant; upstreams: ${names || 'none'}`,
    )
  }
  const found = upstreamNamed(directives, name)
  if (found !== undefined) return found
  throw new NginxImportError(`there is no upstream "${name}"; there are: ${names || 'none'}`)
}

/** All locations that pass requests on. */
export function passingLocations(directives: readonly Directive[]): readonly LocationBlock[] {
  return groupsOf(directives).flatMap((locations) => flattened(locations).filter(passes))
}

/** Locations by server; those outside of any server are a group, too. */
function groupsOf(directives: readonly Directive[]): readonly (readonly LocationBlock[])[] {
  const servers = serversIn(directives).map((server) => locationsOf(server, directives))
  const bare = locationsOf(undefined, directives)
  return bare.length === 0 ? servers : [...servers, bare]
}

function passes({ directive }: LocationBlock): boolean {
  return directive.block?.some(({ name }) => name === 'proxy_pass') === true
}

export function selectLocation(
  directives: readonly Directive[],
  {
    location: wanted = '/',
    server,
  }: { location?: string | undefined; server?: string | undefined },
): LocationBlock {
  const groups = groupsOf(directives).filter(
    ([first]) =>
      server === undefined || (first?.server !== undefined && isNamed(first.server, server)),
  )
  const found = groups.flatMap((locations) => locationFor(locations, wanted) ?? [])
  const passing = found.filter(passes)
  const [only] = passing
  if (only === undefined) throw new NginxImportError(missing(directives, wanted, found[0], server))
  if (passing.length === 1) return only
  const places = passing.map((each) => {
    const name = serverOf(each, passing)
    const { file, line } = each.directive
    return `${name === undefined ? 'a server without a name' : `"${name}"`} (${file}:${line})`
  })
  throw new NginxImportError(
    `several servers have a location for "${wanted}": ${places.join(', ')}; say which one is meant by its name`,
  )
}

/** The name by which `server` selects the location's server: with its port where another one has the same. */
export function serverOf(
  { server }: LocationBlock,
  among: readonly LocationBlock[],
): string | undefined {
  const [name] = server?.names ?? []
  if (server === undefined || name === undefined) return undefined
  const same = among.some((each) => each.server !== server && each.server?.names[0] === name)
  return same ? `${name}:${portsOf(server)[0] ?? '80'}` : name
}

/** `example.org`, or with a port where several servers have the name. */
function isNamed(server: ServerBlock, wanted: string): boolean {
  if (hasName(server, wanted)) return true
  const [, name = '', port = ''] = /^(.*):(\d+)$/.exec(wanted) ?? []
  return port !== '' && portsOf(server).includes(port) && hasName(server, name)
}

/** The one that gets the path, or that is written so: `~ \.php$`. A path without its slash is sent to the one with it. */
function locationFor(
  locations: readonly LocationBlock[],
  wanted: string,
): LocationBlock | undefined {
  if (!wanted.startsWith('/')) return flattened(locations).find(({ title }) => title === wanted)
  const found = findLocation(locations, wanted)
  if (found?.pattern === wanted && passes(found)) return found
  const slashed = locations.find(({ pattern }) => pattern === `${wanted}/`)
  if (slashed !== undefined && passes(slashed)) return slashed
  if (found !== undefined && passes(found)) return found
  // `location = /` or an expression may get the path itself: then it is the one that is written so.
  return flattened(locations).find((each) => each.title === wanted && passes(each)) ?? found
}

function missing(
  directives: readonly Directive[],
  wanted: string,
  found: LocationBlock | undefined,
  server: string | undefined,
): string {
  const there = passingLocations(directives).map(({ title }) => `"${title}"`)
  const list = `locations with a proxy_pass: ${there.join(', ') || 'none'}`
  if (found !== undefined) {
    const { file, line } = found.directive
    return `location "${found.title}" (${file}:${line}), which gets "${wanted}", has no proxy_pass; ${list}`
  }
  const where = server === undefined ? '' : ` in a server "${server}"`
  return `there is no location for "${wanted}"${where}; ${list}`
}

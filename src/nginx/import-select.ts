/** Which upstream or location is meant. */
import type { Directive } from './conf.js'
import { printable } from './config-error.js'
import { findLocation, flattened, hasName, locationsOf, serversIn, topBlocks } from './locations.js'
import type { LocationBlock } from './locations.js'

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
      server === undefined || (first?.server !== undefined && hasName(first.server, server)),
  )
  const found = groups.flatMap((locations) => locationFor(locations, wanted) ?? [])
  const passing = found.filter(passes)
  const [only] = passing
  if (only === undefined) throw new NginxImportError(missing(directives, wanted, found[0], server))
  if (passing.length === 1) return only
  const places = passing.map(({ server: one, directive: { file, line } }) => {
    const [name] = one?.names ?? []
    return `${name === undefined ? 'a server without a name' : `"${name}"`} (${file}:${line})`
  })
  throw new NginxImportError(
    `several servers have a location for "${wanted}": ${places.join(', ')}; say which one is meant by its name`,
  )
}

/** The one that gets the path, or that is written so: `~ \.php$`. A path without its slash is sent to the one with it. */
function locationFor(
  locations: readonly LocationBlock[],
  wanted: string,
): LocationBlock | undefined {
  if (!wanted.startsWith('/')) return flattened(locations).find(({ title }) => title === wanted)
  const found = findLocation(locations, wanted)
  if (found?.pattern === wanted) return found
  const slashed = locations.find(({ pattern }) => pattern === `${wanted}/`)
  return slashed !== undefined && passes(slashed) ? slashed : found
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

/** Servers and locations of a configuration, and which of them gets a request. */
import type { Directive } from './conf.js'
import { modifierOf, patternOf } from './pattern.js'

export interface ServerBlock {
  readonly directive: Directive
  readonly names: readonly string[]
  /** The levels around its locations: those of `http`, where there is one, and its own. */
  readonly blocks: readonly (readonly Directive[])[]
}

type LocationKind = 'exact' | 'prefix' | 'prefix without regex' | 'regex' | 'named'

export interface LocationBlock {
  readonly server: ServerBlock | undefined
  readonly directive: Directive
  readonly kind: LocationKind
  /** Without its modifier. */
  readonly pattern: string
  /** As it is written: `~ \.php$`. */
  readonly title: string
  readonly regex: RegExp | undefined
  /** The outermost first, its own last. */
  readonly blocks: readonly (readonly Directive[])[]
  readonly nested: readonly LocationBlock[]
}

/** Blocks of a name at the top, or within `http`. */
export function topBlocks(
  directives: readonly Directive[],
  name: string,
): { directive: Directive; around: readonly (readonly Directive[])[] }[] {
  const http = directives.filter((each) => each.name === 'http')
  const levels = [
    { block: directives, around: [directives] },
    ...http.map(({ block = [] }) => ({ block, around: [block] })),
  ]
  return levels.flatMap(({ block, around }) =>
    block
      .filter((each) => each.name === name && each.block !== undefined)
      .map((directive) => ({ directive, around })),
  )
}

export function serversIn(directives: readonly Directive[]): readonly ServerBlock[] {
  return topBlocks(directives, 'server').map(({ directive, around }) => ({
    directive,
    names: (directive.block ?? [])
      .filter(({ name }) => name === 'server_name')
      .flatMap(({ args }) => args),
    blocks: [...around, directive.block ?? []],
  }))
}

/** The locations of a server; those of a file that holds nothing else belong to none. */
export function locationsOf(
  server: ServerBlock | undefined,
  directives: readonly Directive[],
): readonly LocationBlock[] {
  return locationsIn(server, server?.directive.block ?? directives, server?.blocks ?? [])
}

function locationsIn(
  server: ServerBlock | undefined,
  block: readonly Directive[],
  around: LocationBlock['blocks'],
): LocationBlock[] {
  return block
    .filter(({ name, block: own }) => name === 'location' && own !== undefined)
    .map((directive) => {
      const blocks = [...around, directive.block ?? []]
      const nested = locationsIn(server, directive.block ?? [], blocks)
      return { server, directive, ...kindOf(directive.args), blocks, nested }
    })
}

/** `ngx_http_core_location`: the modifier may stand by itself or at the beginning. */
function kindOf(
  args: readonly string[],
): Pick<LocationBlock, 'kind' | 'pattern' | 'title' | 'regex'> {
  const title = args.join(' ')
  const [, modifier = '', rest = ''] = /^(\^~|~\*|~|=)? *(.*)$/s.exec(title) ?? []
  const regex = modifierOf(title)
  if (regex !== undefined) {
    return { kind: 'regex', pattern: rest, title, regex: patternOf(regex.source, regex) }
  }
  const kinds: Readonly<Record<string, LocationKind>> = {
    '=': 'exact',
    '^~': 'prefix without regex',
  }
  const kind = kinds[modifier] ?? (rest.startsWith('@') ? 'named' : 'prefix')
  return { kind, pattern: rest, title, regex: undefined }
}

/** All of them, nested ones behind the one that they are in. */
export function flattened(locations: readonly LocationBlock[]): LocationBlock[] {
  return locations.flatMap((location) => [location, ...flattened(location.nested)])
}

/** The location that gets a path (`ngx_http_core_find_location`). */
export function findLocation(
  locations: readonly LocationBlock[],
  path: string,
): LocationBlock | undefined {
  return search(locations, path)?.location
}

interface Found {
  readonly location: LocationBlock
  /** Nothing further is asked: an exact location, or a regular expression. */
  readonly final: boolean
}

function search(locations: readonly LocationBlock[], path: string): Found | undefined {
  const exact = locations.find(({ kind, pattern }) => kind === 'exact' && pattern === path)
  if (exact !== undefined) return { location: exact, final: true }
  const prefix = longestPrefix(locations, path)
  const inner = prefix && search(prefix.nested, path)
  if (inner?.final === true) return inner
  const found = inner ?? (prefix && { location: prefix, final: false })
  // Only a `^~` of this level stops the search for this level's expressions.
  if (prefix?.kind === 'prefix without regex') return found
  const regex = locations.find((each) => each.regex?.test(path) === true)
  if (regex === undefined) return found
  return { location: search(regex.nested, path)?.location ?? regex, final: true }
}

function longestPrefix(
  locations: readonly LocationBlock[],
  path: string,
): LocationBlock | undefined {
  let longest: LocationBlock | undefined
  for (const location of locations) {
    if (location.kind !== 'prefix' && location.kind !== 'prefix without regex') continue
    const better = location.pattern.length > (longest?.pattern.length ?? -1)
    if (better && path.startsWith(location.pattern)) longest = location
  }
  return longest
}

/** Where it listens: `listen 80`, `listen 127.0.0.1:80`, `listen [::]:80 ssl`; by itself on 80. */
export function portsOf({ directive }: ServerBlock): readonly string[] {
  const listens = (directive.block ?? []).filter(({ name }) => name === 'listen')
  const ports = listens.map(
    ({ args: [address = ''] }) => /(?:^|:)(\d+)$/.exec(address)?.[1] ?? '80',
  )
  return ports.length === 0 ? ['80'] : ports
}

/** Whether a request for this name is the server's: `server_name` with its wildcards and expressions. */
export function hasName(server: ServerBlock, name: string): boolean {
  const wanted = name.toLowerCase()
  return server.names.some((given) => matchesServerName(given, wanted))
}

function matchesServerName(given: string, wanted: string): boolean {
  const pattern = modifierOf(given)
  if (pattern !== undefined)
    return patternOf(pattern.source, { ignoreCase: true })?.test(wanted) === true
  const name = given.toLowerCase()
  if (name === wanted) return true
  if (name.startsWith('*.')) return wanted.endsWith(name.slice(1))
  if (name.startsWith('.')) return wanted === name.slice(1) || wanted.endsWith(name)
  return name.endsWith('.*') && wanted.startsWith(name.slice(0, -1))
}

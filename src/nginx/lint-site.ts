/** What the rules of the lint look at: an upstream, its peers, and a location that passes requests to it. */
import { parseDuration } from '../config/duration.js'
import type { Directive } from './conf.js'
import { hasVariable } from './import-arguments.js'
import { Levels } from './levels.js'
import { upstreamsIn, passingLocations } from './import-select.js'
import type { LocationBlock } from './locations.js'
import { parseProxyPass } from './proxy-pass.js'
import { KnownVariables } from './variables.js'

export interface LintPeer {
  readonly directive: Directive
  readonly maxFails: number
  /** Milliseconds. */
  readonly failTimeout: number
  readonly down: boolean
  readonly backup: boolean
}

export interface LintUpstream {
  readonly block: Directive
  readonly name: string
  readonly peers: readonly LintPeer[]
  /** Those that requests go to as long as all is well. */
  readonly primaries: readonly LintPeer[]
  /** Those that must be marked before nobody is left: the primaries, and the backups where the method has them. */
  readonly inService: readonly LintPeer[]
}

export interface LintUse {
  readonly upstream: LintUpstream
  readonly location: LocationBlock
  readonly levels: Levels
  readonly pass: Directive
}

/** The whole configuration. */
export interface LintSite {
  readonly directives: readonly Directive[]
  readonly upstreams: readonly LintUpstream[]
  readonly uses: readonly LintUse[]
  /** Worker processes: 1, or more (`auto` is 2). */
  readonly workers: number
}

export function siteOf(directives: readonly Directive[]): LintSite {
  const upstreams = upstreamsIn(directives).map(upstreamOf)
  const byName = new Map(upstreams.map((upstream) => [upstream.name.toLowerCase(), upstream]))
  const uses = passingLocations(directives).flatMap((location): LintUse[] => {
    const levels = new Levels([directives, ...location.blocks])
    const [pass] = levels.own('proxy_pass')
    const [given = ''] = pass?.args ?? []
    const text = hasVariable(given) ? new KnownVariables(levels).expand(given) : given
    const parsed = parseProxyPass(text, given)
    const upstream = parsed && byName.get(parsed.host.toLowerCase())
    return pass === undefined || upstream === undefined
      ? []
      : [{ upstream, location, levels, pass }]
  })
  return { directives, upstreams, uses, workers: workersIn(directives) }
}

function workersIn(directives: readonly Directive[]): number {
  const [given = '1'] = directives.find(({ name }) => name === 'worker_processes')?.args ?? []
  return given === 'auto' ? 2 : Number(given) || 1
}

function upstreamOf(block: Directive): LintUpstream {
  const peers = (block.block ?? []).filter(({ name }) => name === 'server').map(peerOf)
  const primaries = peers.filter(({ down, backup }) => !down && !backup)
  const inService = peers.filter(({ down }) => !down)
  return { block, name: block.args[0] ?? '', peers, primaries, inService }
}

function peerOf(directive: Directive): LintPeer {
  const [, ...parameters] = directive.args
  const value = (name: string): string | undefined =>
    parameters.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1)
  const maxFails = Number(value('max_fails') ?? '1')
  return {
    directive,
    maxFails: Number.isNaN(maxFails) ? 1 : maxFails,
    failTimeout: parseDuration(value('fail_timeout') ?? '10s') ?? 10_000,
    down: parameters.includes('down'),
    backup: parameters.includes('backup'),
  }
}

/** A directive of an upstream. */
export function ownOf(upstream: LintUpstream, name: string): Directive | undefined {
  return upstream.block.block?.find((directive) => directive.name === name)
}

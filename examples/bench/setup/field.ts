/** Who takes part: installed, built, and seen to proxy. */
import { spawnSync } from 'node:child_process'
import { CONTENDERS } from '../contender.js'
import type { Contender } from '../contender.js'
import type { BenchOptions } from '../options.js'
import type { Entry, Ground } from '../run/launch.js'
import { verify } from '../run/verify.js'
import type { Facts } from '../run/verify.js'
import { installNode, notBuilt, versionsOf } from './packages.js'
import type { Tools } from './tools.js'

export interface Participant extends Entry {
  readonly versions: string
  /** Undefined: no proxy. */
  readonly facts: Facts | undefined
}

export interface Absentee {
  readonly contender: Contender
  readonly why: string
}

export interface Field {
  readonly entries: readonly Participant[]
  readonly absent: readonly Absentee[]
}

interface Runtime {
  readonly path: string
  readonly version: string
}

function runtimes({ nodes }: BenchOptions, say: (line: string) => void): Runtime[] {
  const own = { path: process.execPath, version: process.version }
  if (nodes.length === 0) return [own]
  return nodes.map((major) => {
    const path = installNode(major, say)
    const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
    return { path, version: stdout.trim() }
  })
}

function whyAbsent(contender: Contender, tools: Tools): string | undefined {
  if (contender.name === 'haproxy' && tools.haproxy === undefined) return 'it is not installed'
  return notBuilt(contender)
}

/** `nginx 1.22.1`; for a Node contender its packages, or nothing. */
function versionsIn(contender: Contender, tools: Tools): string {
  if (contender.script !== undefined) return versionsOf(contender)
  return `${contender.label} ${tools.versions[contender.name] ?? ''}`
}

function entriesOf(contender: Contender, nodes: readonly Runtime[]): Entry[] {
  if (contender.script === undefined)
    return [{ contender, node: undefined, nodeVersion: undefined }]
  return nodes.map(({ path, version }) => ({ contender, node: path, nodeVersion: version }))
}

/** A contender that does not do what it says is left out, with the reason. */
async function check(
  ground: Ground,
  entry: Entry,
  versions: string,
): Promise<Participant | Absentee> {
  try {
    return { ...entry, versions, facts: await verify(ground, entry) }
  } catch (error) {
    const under = entry.nodeVersion === undefined ? '' : ` under ${entry.nodeVersion}`
    const why = `did not proxy${under}: ${error instanceof Error ? error.message : String(error)}`
    return { contender: entry.contender, why }
  }
}

export async function field(
  options: BenchOptions,
  ground: Ground,
  say: (line: string) => void,
): Promise<Field> {
  const nodes = runtimes(options, say)
  const entries: Participant[] = []
  const absent: Absentee[] = []
  for (const contender of CONTENDERS) {
    if (!options.contenders.includes(contender.name)) continue
    const why = whyAbsent(contender, ground.tools)
    if (why !== undefined) {
      absent.push({ contender, why })
      say(`left out: ${contender.label}: ${why}`)
      continue
    }
    const versions = versionsIn(contender, ground.tools)
    for (const entry of entriesOf(contender, nodes)) {
      const checked = await check(ground, entry, versions)
      if ('why' in checked) {
        absent.push(checked)
        say(`left out: ${contender.label}: ${checked.why}`)
      } else entries.push(checked)
    }
    say(`ready: ${contender.label} ${versions}`)
  }
  return { entries, absent }
}

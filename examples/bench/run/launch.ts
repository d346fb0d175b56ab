/** Starts a contender in front of given peers. */
import { fileURLToPath } from 'node:url'
import type { Contender } from '../contender.js'
import { SMALL } from '../scenario.js'
import { haproxyConfiguration, nginxConfiguration } from '../setup/configurations.js'
import type { EdgePlan } from '../setup/configurations.js'
import type { Tools } from '../setup/tools.js'
import type { Workspace } from '../setup/workspace.js'
import { freePort, untilReady } from './children.js'
import type { Children, Running } from './children.js'

const here = fileURLToPath(new URL('..', import.meta.url))

export interface Ground {
  readonly children: Children
  readonly workspace: Workspace
  readonly tools: Tools
}

/** A contender, and for a Node contender the Node that runs it. */
export interface Entry {
  readonly contender: Contender
  /** Path of the executable; undefined for programs of the system. */
  readonly node: string | undefined
  /** `v22.23.3` */
  readonly nodeVersion: string | undefined
}

export interface Edge extends Running {
  readonly port: number
}

export interface LaunchOptions {
  readonly peers: readonly number[]
  readonly edge: 'plain' | 'tls'
  /** For node itself, before the script. */
  readonly nodeArguments?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

type Command = readonly [string, readonly string[], Record<string, string>]

function nodeCommand({ contender, node }: Entry, plan: EdgePlan, options: LaunchOptions): Command {
  const environment = {
    NODE_ENV: 'production',
    BENCH_PORT: String(plan.port),
    BENCH_PEERS: plan.peers.join(),
    BENCH_TLS: plan.pem ?? '',
    BENCH_SMALL: SMALL,
    ...contender.environment,
    ...options.environment,
  }
  const script = `${here}${contender.script ?? ''}`
  return [node ?? process.execPath, [...(options.nodeArguments ?? []), script], environment]
}

function systemCommand({ contender }: Entry, plan: EdgePlan, ground: Ground): Command {
  const { workspace, tools } = ground
  if (contender.name === 'nginx') {
    const text = nginxConfiguration(workspace.folder, plan)
    return [
      tools.nginx,
      ['-e', 'stderr', '-p', workspace.folder, '-c', workspace.write('edge.conf', text)],
      {},
    ]
  }
  const file = workspace.write('haproxy.cfg', haproxyConfiguration(plan))
  return [tools.haproxy ?? 'haproxy', ['-db', '-q', '-f', file], {}]
}

export async function launch(ground: Ground, entry: Entry, options: LaunchOptions): Promise<Edge> {
  const plan: EdgePlan = {
    port: await freePort(),
    peers: options.peers.map((port) => `127.0.0.1:${port}`),
    pem: options.edge === 'tls' ? ground.workspace.pem : undefined,
  }
  const isNode = entry.contender.script !== undefined
  const command = isNode ? nodeCommand(entry, plan, options) : systemCommand(entry, plan, ground)
  const running = ground.children.start(...command)
  await untilReady(running, plan.port, entry.contender.label)
  return { ...running, port: plan.port }
}

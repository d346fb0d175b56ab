/** The contenders' packages: installed in a folder of their own, at the versions of its lock, never in the library's. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Contender } from '../contender.js'

const here = fileURLToPath(new URL('..', import.meta.url))
const root = fileURLToPath(new URL('../../..', import.meta.url))
const contenders = `${here}contenders`

interface Manifest {
  readonly version: string
  readonly exports?: Readonly<Record<string, { readonly default: string }>>
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'))
}

/** The npm that runs this script, if one does. */
function npm(args: readonly string[], cwd: string): void {
  const cli = process.env['npm_execpath']
  const [command, before] = cli === undefined ? ['npm', []] : [process.execPath, [cli]]
  // What npm says is no result: standard output is for those.
  const stdio = ['ignore', 2, 'inherit'] as const
  const { status } = spawnSync(command, [...before, ...args], { cwd, stdio: [...stdio] })
  if (status !== 0) throw new Error(`failed: npm ${args.join(' ')}`)
}

function isInstalled(): boolean {
  const installed = `${contenders}/node_modules/.package-lock.json`
  if (!existsSync(installed)) return false
  const { packages } = readJson(installed) as Lock
  const wanted = (readJson(`${contenders}/package-lock.json`) as Lock).packages
  return Object.entries(wanted).every(
    ([path, { version }]) => path === '' || packages[path]?.version === version,
  )
}

export function installContenders(say: (line: string) => void): void {
  if (isInstalled()) return
  say('the contenders are not installed: npm ci in examples/bench/contenders')
  npm(['ci', '--no-audit', '--no-fund', '--loglevel=error'], contenders)
}

/** The executable of a Node major, installed from npm where it is not yet. */
export function installNode(major: number, say: (line: string) => void): string {
  const folder = `${here}node_modules/.node-${major}`
  const executable = `${folder}/node_modules/node/bin/node`
  if (existsSync(executable)) return executable
  say(`installing node@${major}`)
  mkdirSync(folder, { recursive: true })
  npm(['install', '--prefix', folder, '--no-save', '--loglevel=error', `node@${major}`], folder)
  return executable
}

function versionIn(folder: string, name: string): string {
  return (readJson(`${folder}/node_modules/${name}/package.json`) as Manifest).version
}

function manifest(): Manifest {
  return readJson(`${root}package.json`) as Manifest
}

function commit(): string {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  const { status, stdout } = git('rev-parse', '--short', 'HEAD')
  if (status !== 0) return ''
  const isChanged = git('status', '--porcelain', '--', 'src', 'package.json').stdout !== ''
  return ` (commit ${stdout.trim()}${isChanged ? ', changed' : ''})`
}

/** Package names and versions, e.g. `fastify 5.12.8, @fastify/reply-from 12.6.5`. */
export function versionsOf({ kind, packages }: Contender): string {
  const folder = kind === 'evenkeel' ? root : contenders
  const installed = packages.map((name) => `${name} ${versionIn(folder, name)}`)
  const own = kind === 'evenkeel' ? [`evenkeel ${manifest().version}${commit()}`] : []
  return [...own, ...installed].join(', ')
}

/** Why a contender cannot run with what is built; undefined when it can. */
export function notBuilt({ kind, environment }: Contender): string | undefined {
  if (kind !== 'evenkeel') return undefined
  const subpath = environment?.['BENCH_TRANSPORT'] === 'undici' ? './undici' : '.'
  const file = manifest().exports?.[subpath]?.default
  if (file === undefined) return `this checkout has no 'evenkeel${subpath.slice(1)}' yet`
  if (!existsSync(`${root}${file}`)) return `${file} is not built: \`npm run build\``
  if (subpath === './undici' && !existsSync(`${root}node_modules/undici/package.json`))
    return 'undici is not installed in the checkout'
  return undefined
}

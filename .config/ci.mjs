// The part of .ci/run in which several things go on at once: the tests under each Node, and the checks.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { linesOf, toBePlayedAgain, verdictOf } from './ci-verdict.mjs'
import { root } from './run.mjs'

/**
 * @typedef {import('./ci-verdict.mjs').Run} Run
 * @typedef {import('./ci-verdict.mjs').Replay} Replay
 * @typedef {import('./ci-verdict.mjs').Failure} Failure
 */

/**
 * The tests wait for timers and sockets a third of the time; two runs at once use that of each other. Both take ports
 * and folders of their own.
 */
const AT_ONCE = 2
/**
 * Arithmetic, what is decided by comparing with nginx, what is read from its logs and configuration, and what a browser
 * makes of our page, or Prometheus of our metrics: the same under every Node.
 */
const THE_SAME = [
  'test/unit/{simulate,doctor,nginx}/**',
  'test/conformance/differential/**',
  'test/conformance/{doctor,nginx-conf,prometheus}.test.ts',
  'test/property/{doctor,nginx-conf}.test.ts',
  'test/integration/{status,compat}/chromium.test.ts',
  'test/integration/examples/documents.test.ts',
]
/**
 * Of the oldest and the newest Node more is wanted than of those between: what is decided without sockets, invariants,
 * whole processes, endurance, hostile bytes by the thousand.
 */
const OF_THE_ENDS = [
  'test/unit/!(transport)/**',
  'test/property/**',
  'test/fuzz/**',
  'test/integration/{cluster,soak}/**',
  'test/integration/upgrade/open-tunnels.test.ts',
  'test/integration/compat/curl.test.ts',
]
/**
 * Which projects of the tests run under which other Node, and what of them does not. Under the Node at hand all of it
 * does; everything under every Node would take much longer than a quarter of an hour.
 */
const OTHER_NODES = /** @type {const} */ ({
  22: { projects: ['evenkeel', 'http-proxy-3 v2'], without: [...THE_SAME, ...OF_THE_ENDS] },
  24: { projects: ['evenkeel', 'evenkeel over undici 8'], without: [...THE_SAME, ...OF_THE_ENDS] },
  26: { projects: ['evenkeel', 'http-proxy-3 v2'], without: THE_SAME },
})
const SIMULATED = 'test/unit/simulate'
const CHECKS = ['format:check', 'lint', 'types', 'unused', 'pack:check']
const LOW_COVERAGE = /ERROR: (Coverage for .+)$/

/** For trying things out: `bash .ci/run test/unit/selection` plays these tests only. */
const ONLY = process.argv.slice(2)

const temp = mkdtempSync(join(tmpdir(), 'evenkeel-ci-'))
let done = false
process.on('exit', () => {
  rmSync(temp, { recursive: true, force: true })
  if (!done) console.log('\nfailed: stopped early\n0 passed, 1 failed')
})

/** @param {string} text */
const say = (text) => console.log(`\n=== ${text} (${Math.round(performance.now() / 1000)}s)`)

/**
 * Runs a command; each line of its output is shown behind the name of the job. Gives its status.
 * @param {string} name @param {string} command @param {readonly string[]} args
 * @param {{ env?: Record<string, string>, onLine?: (line: string) => void }} [options]
 * @returns {Promise<number>}
 */
function show(name, command, args, { env = {}, onLine = () => undefined } = {}) {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, CI: 'true', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => {
      console.log(`[${name}] ${line}`)
      onLine(line)
    })
  }
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.log(`[${name}] ${error.message}`)
      resolve(1)
    })
    child.on('close', (status) => resolve(status ?? 1))
  })
}

let reports = 0

/**
 * `npm test` with the Node that stands first in `path`.
 * @param {{ name: string, node: string, path: string }} leg @param {readonly string[]} args
 * @returns {Promise<Run>}
 */
async function test({ name, node, path }, args) {
  const file = join(temp, `report-${reports++}.json`)
  /** @type {string[]} */
  const coverage = []
  const reporters = ['--reporter=default', '--reporter=./.config/vitest.reporter.ts']
  const status = await show(name, 'npm', ['test', '--', ...args, ...reporters], {
    env: { EVENKEEL_REPORT: file, PATH: path },
    onLine: (line) => coverage.push(...(LOW_COVERAGE.exec(line)?.slice(1) ?? [])),
  })
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
  return { name, node, status, report, coverage }
}

const here = process.env['PATH'] ?? ''
/** @type {Map<Run, { name: string, node: string, path: string }>} */
const legs = new Map()
/** @type {Failure[]} */
const checks = []

/** @param {{ name: string, node: string, path: string }} leg @param {readonly string[]} args */
async function whole(leg, args = []) {
  say(`npm test on ${leg.name}`)
  const run = await test(leg, [...args, ...ONLY])
  legs.set(run, leg)
  say(`${leg.name}: ${run.report?.passed ?? 0} passed, ${run.report?.faults.length ?? 0} failed`)
}

/** @param {string} major @param {{ projects: readonly string[], without: readonly string[] }} what */
async function underNode(major, { projects, without }) {
  const name = `node ${major}`
  const prefix = join(temp, `node${major}`)
  mkdirSync(prefix)
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  const status = await show(name, 'npm', ['install', '--prefix', prefix, ...quiet, `node@${major}`])
  if (status === 0) {
    const path = join(prefix, 'node_modules/node/bin') + delimiter + here
    const which = projects.map((project) => `--project=${project}`)
    const left = without.map((files) => `--exclude=${files}`)
    return whole({ name, node: `v${major}.`, path }, [...which, ...left])
  }
  checks.push({ where: name, name: 'could not be installed', message: '' })
}

/** @param {string} line */
const isSaid = (line) => line.trim() !== '' && !/^(?:>|npm (?:warn|error))/.test(line)

async function allChecks() {
  for (const check of CHECKS) {
    say(`npm run ${check}`)
    /** @type {string[]} */
    const said = []
    const status = await show(check, 'npm', ['run', check], { onLine: (line) => said.push(line) })
    if (status === 0) continue
    checks.push({
      where: `npm run ${check}`,
      name: '',
      message: said.filter(isSaid).slice(-4).join('\n'),
    })
  }
}

const atHand = { name: `node ${process.version.slice(1)}`, node: process.version, path: here }
// The longest first: what is short fills the gap at the end.
const jobs = [
  () =>
    whole({ ...atHand, name: `${atHand.name}, with coverage` }, [
      '--project=evenkeel',
      // Else nothing would be said of coverage when a test has failed.
      '--coverage',
      '--coverage.reportOnFailure',
      ...(ONLY.length === 0 ? [`--exclude=${SIMULATED}/**`] : []),
    ]),
  () =>
    whole({ ...atHand, name: `${atHand.name}, over undici` }, ['--project=evenkeel over undici']),
  ...Object.entries(OTHER_NODES)
    .reverse()
    .map(
      ([major, what]) =>
        () =>
          underNode(major, what),
    ),
  // Counting what is covered makes two of its minutes out of one.
  ...(ONLY.length === 0
    ? [
        () =>
          whole({ ...atHand, name: `${atHand.name}, simulated` }, [
            '--project=evenkeel',
            SIMULATED,
          ]),
      ]
    : []),
  allChecks,
]
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await job()
  }),
)

const runs = [...legs.keys()]
/** @type {Replay[]} */
const replays = []
for (const { run, project, file } of toBePlayedAgain(runs)) {
  const leg = legs.get(run)
  if (leg === undefined) continue
  say(`once more, alone: ${run.name} | ${project} | ${file}`)
  const { status, report } = await test(leg, [`--project=${project}`, file])
  replays.push({ run, project, file, status, report })
}
const verdict = verdictOf(runs, replays)
const failures = [...checks, ...verdict.failures]
for (const line of linesOf({ ...verdict, failures })) console.log(line)
done = true
process.exitCode = failures.length === 0 ? 0 : 1

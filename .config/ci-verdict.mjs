// What comes of the runs of the tests: which files are played again, what failed, what was unsteady.

/**
 * @typedef {object} Fault a test, a hook or a file that failed
 * @property {'test' | 'file'} kind `file`: it did not load, or failed as a whole
 * @property {string} project
 * @property {string} file
 * @property {string} name
 * @property {string} message
 *
 * @typedef {object} Report what .config/vitest.reporter.ts writes
 * @property {string} node
 * @property {boolean} finished
 * @property {number} passed
 * @property {readonly Fault[]} faults
 * @property {readonly string[]} unhandled
 *
 * @typedef {object} Run the tests under one Node
 * @property {string} name
 * @property {string} node what `node -v` has to begin with
 * @property {number} status
 * @property {Report | undefined} report
 * @property {readonly string[]} coverage what was said of coverage that is too low
 *
 * @typedef {object} Again one file that is played once more
 * @property {Run} run
 * @property {string} project
 * @property {string} file
 *
 * @typedef {Again & { status: number, report: Report | undefined }} Replay
 *
 * @typedef {object} Failure
 * @property {string} where
 * @property {string} name
 * @property {string} message
 *
 * @typedef {object} Verdict
 * @property {number} passed
 * @property {readonly Failure[]} failures
 * @property {readonly Failure[]} unsteady failed in the whole run, passed alone
 */

/**
 * All test files of two Nodes at once are more than a machine of two cores has time for: what waits for a process or a
 * socket can be late there and nowhere else. So a file that failed is played once more, alone. That is no excuse for
 * tests that fail now and then: each is named at the end, and more than so many in all are a failure.
 */
export const UNSTEADY_AT_MOST = 3

/**
 * The files to be played again. More than are excused are not: that would change nothing.
 * @param {readonly Run[]} runs
 * @returns {Again[]}
 */
export function toBePlayedAgain(runs) {
  const files = runs.flatMap((run) => {
    const seen = new Map((run.report?.faults ?? []).map((fault) => [keyOf(fault), fault]))
    return [...seen.values()].map(({ project, file }) => ({ run, project, file }))
  })
  return files.length > UNSTEADY_AT_MOST ? [] : files
}

/**
 * @param {readonly Run[]} runs
 * @param {readonly Replay[]} replays
 * @returns {Verdict}
 */
export function verdictOf(runs, replays) {
  /** @type {Failure[]} */
  const failures = []
  /** @type {Failure[]} */
  const unsteady = []
  let passed = 0
  for (const run of runs) {
    failures.push(...ofTheWhole(run))
    passed += run.report?.passed ?? 0
    for (const fault of run.report?.faults ?? []) {
      const replay = replays.find((each) => each.run === run && keyOf(each) === keyOf(fault))
      const failure = { ...fault, where: placeOf(run, fault) }
      if (replay === undefined) failures.push(failure)
      else if (!passedAlone(replay)) failures.push({ ...failure, where: `${failure.where}, twice` })
      else if (fault.kind === 'test') unsteady.push(failure)
      else failures.push({ ...failure, where: `${failure.where}, not when alone` })
    }
  }
  // What passed alone has passed.
  return {
    passed: passed + unsteady.length,
    failures: [...failures, ...othersAlone(replays)],
    unsteady,
  }
}

/**
 * What is no test's failure: nothing of it is excused.
 * @param {Run} run
 * @returns {Failure[]}
 */
function ofTheWhole({ name, node, status, report, coverage }) {
  /** @type {(what: string, message?: string) => Failure} */
  const failure = (what, message = '') => ({ where: name, name: what, message })
  if (report === undefined) return [failure(`ended with status ${status} and without a report`)]
  const found = [
    ...report.unhandled.map((message) => failure('unhandled error', message)),
    ...coverage.map((message) => failure('coverage', message)),
  ]
  if (!report.node.startsWith(node)) found.push(failure(`ran on node ${report.node}, not ${node}`))
  if (!report.finished) found.push(failure('was interrupted'))
  if (report.passed === 0) found.push(failure('no test passed'))
  const explained = found.length > 0 || report.faults.length > 0
  if (status !== 0 && !explained) found.push(failure(`ended with status ${status}`))
  return found
}

/**
 * What failed alone and not before.
 * @param {readonly Replay[]} replays
 * @returns {Failure[]}
 */
function othersAlone(replays) {
  return replays.flatMap(({ run, report }) => {
    const before = run.report?.faults ?? []
    return (report?.faults ?? [])
      .filter(
        (fault) => !before.some((old) => keyOf(old) === keyOf(fault) && old.name === fault.name),
      )
      .map((fault) => ({ ...fault, where: `${placeOf(run, fault)}, alone` }))
  })
}

/** @param {Replay} replay */
function passedAlone({ status, report }) {
  return status === 0 && report !== undefined && report.passed > 0
}

/** @param {{ readonly project: string, readonly file: string }} where */
const keyOf = ({ project, file }) => `${project}\n${file}`

/**
 * @param {Run} run
 * @param {Fault} fault
 */
const placeOf = (run, { project, file }) => `${run.name} | ${project} | ${file}`

const LINES = 45
const SHOWN = 15

/**
 * The end of the output: short enough for a record that keeps only that.
 * @param {Verdict} verdict
 * @returns {string[]}
 */
export function linesOf({ passed, failures, unsteady }) {
  const all = Math.min(failures.length, SHOWN) + unsteady.length
  const each = Math.max(1, Math.min(8, Math.floor(LINES / Math.max(all, 1)) - 2))
  /** @type {(failure: Failure) => string[]} */
  const block = ({ where, name, message }) => [
    `failed: ${where}`,
    ...(name === '' ? [] : [`  ${short(name)}`]),
    ...message
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(0, each)
      .map((line) => `    ${short(line)}`),
  ]
  const left = failures.length - SHOWN
  const lines = ['', ...failures.slice(0, SHOWN).flatMap(block)]
  if (left > 0) lines.push(`failed: ${left} more`)
  if (unsteady.length > 0) {
    lines.push('', '=== unsteady: failed in the whole run, passed alone')
    for (const failure of unsteady) {
      lines.push(...block(failure).map((line) => line.replace(/^failed: /, 'unsteady: ')))
    }
  }
  return [...lines, '', `${passed} passed, ${failures.length} failed`]
}

/** @param {string} line */
const short = (line) => (line.length > 220 ? `${line.slice(0, 219)}…` : line)

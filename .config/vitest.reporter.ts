/** What .ci/run has to know of a run of the tests, as one file of JSON: `EVENKEEL_REPORT` says which. */
import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node'
import type { Fault, Report } from './ci-verdict.mjs'

const messageOf = ({ message, stack, name }: SerializedError): string => {
  const text = message !== '' ? message : (stack ?? name ?? 'no message')
  const place = stack?.split('\n').find((line) => /^\s+at .*(?:test|src|examples)\//.test(line))
  return place === undefined ? text : `${text}\n${place.trim()}`
}

const allOf = (errors: readonly SerializedError[]): string => errors.map(messageOf).join('\n')

function faultsOf(module: TestModule): Fault[] {
  const file = relative(process.cwd(), module.moduleId)
  const where = { project: module.project.name, file }
  const failed = (test: TestCase): Fault => ({
    ...where,
    kind: 'test',
    name: test.fullName,
    message: allOf(test.result().errors ?? []),
  })
  const tests = [...module.children.allTests('failed')].map(failed)
  // A hook around several tests fails none of them by name.
  const hooks = [...module.children.allSuites()]
    .filter((suite) => suite.errors().length > 0)
    .map((suite): Fault => {
      return { ...where, kind: 'test', name: suite.fullName, message: allOf(suite.errors()) }
    })
  const own = module.errors()
  const load: Fault[] =
    own.length === 0 ? [] : [{ ...where, kind: 'file', name: '', message: allOf(own) }]
  return [...load, ...hooks, ...tests]
}

class CiReporter implements Reporter {
  onTestRunEnd(
    modules: readonly TestModule[],
    unhandled: readonly SerializedError[],
    reason: string,
  ): void {
    const report: Report = {
      node: process.version,
      finished: reason !== 'interrupted',
      passed: modules.flatMap((module) => [...module.children.allTests('passed')]).length,
      faults: modules.flatMap(faultsOf),
      unhandled: unhandled.map(messageOf),
    }
    writeFileSync(process.env['EVENKEEL_REPORT'] ?? 'report.json', JSON.stringify(report))
  }
}

// Vitest takes a reporter from a file's default export.
export default CiReporter

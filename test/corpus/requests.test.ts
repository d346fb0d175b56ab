/** Hostile and odd requests, as bytes: what the client gets, and which requests the upstream sees. */
import { createBalancer } from 'evenkeel'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { watchProcess } from '../helpers/watch-process.js'
import { requestCorpus } from './requests/index.js'
import { askAfter, runRequest } from './request-run.js'
import type { RequestOutcome } from './request-case.js'
import { Edge } from './wire/edge.js'
import type { SeenRequest } from './wire/strict-requests.js'
import { UpstreamRecorder } from './wire/upstream-recorder.js'

watchProcess()

let recorder: UpstreamRecorder
let edge: Edge

beforeAll(async () => {
  recorder = await UpstreamRecorder.start('peer')
  edge = await Edge.start(createBalancer({ upstream: [recorder.url] }), 'standard')
})

afterAll(async () => {
  await edge.close()
  await recorder.close()
})

describe.each(requestCorpus.map((one) => [one.category, one.cases] as const))(
  'requests: %s',
  (_, cases) => {
    it.each(cases.map((test) => [test.name, test] as const))('%s', async (_, test) => {
      const before = recorder.requests.length
      const { outcome, requests, bytes, ...faults } = await runRequest(test, edge.port, recorder)
      expect(faults, bytes).toEqual({ hung: false, malformed: undefined, foreign: [] })
      expectOutcome(test.outcomes, outcome, bytes)
      const first = requests.find(({ target }) => target !== '/last')
      if (test.fields !== undefined && first !== undefined) {
        expect(fieldsOf(first, Object.keys(test.fields))).toEqual(test.fields)
      }
      expect(await askAfter(edge.port)).toBe('200 peer GET /after 0')
      // Nothing more came, neither late nor on another connection.
      expect(recorder.requests.slice(before)).toEqual([
        ...requests,
        expect.objectContaining({ target: '/after' }),
      ])
      expect(recorder.violations.splice(0)).toEqual([])
    })
  },
)

/** What may have been begun need not have been seen. */
function expectOutcome(
  allowed: readonly RequestOutcome[],
  outcome: RequestOutcome,
  bytes: string,
): void {
  const all = allowed.flatMap(({ begun, ...rest }) =>
    begun === undefined ? [rest] : [rest, { ...rest, begun }],
  )
  if (all.length === 1) expect(outcome, bytes).toEqual(all[0])
  else expect(all, `${JSON.stringify(outcome)}: ${bytes}`).toContainEqual(outcome)
}

function fieldsOf(request: SeenRequest, names: readonly string[]): Record<string, string | null> {
  const got = Object.create(null) as Record<string, string | null>
  for (const wanted of names) {
    const lines = request.fields.filter(([name]) => name.toLowerCase() === wanted)
    got[wanted] = lines.length === 0 ? null : lines.map(([, value]) => value).join(' | ')
  }
  return got
}

it('the corpus is as large as it says, and every name is its own', () => {
  const names = requestCorpus.flatMap(({ category, cases }) =>
    cases.map(({ name }) => `${category}: ${name}`),
  )
  expect(new Set(names).size).toBe(names.length)
  expect(names.length).toBeGreaterThanOrEqual(160)
})

/** Hostile and odd responses, as bytes: what the client gets, who is asked next, and what becomes of the connection. */
import { createBalancer } from 'evenkeel'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { watchProcess } from '../helpers/watch-process.js'
import type { ResponseCase, ResponseOutcome } from './response-case.js'
import { runResponse } from './response-run.js'
import type { ObservedResponse, Stage } from './response-run.js'
import { responseCorpus } from './responses/index.js'
import { Edge } from './wire/edge.js'
import { UpstreamRecorder } from './wire/upstream-recorder.js'

watchProcess()

let stage: Stage

beforeAll(async () => {
  const peer = await UpstreamRecorder.start('peer')
  const spare = await UpstreamRecorder.start('spare')
  const edge = await Edge.start(createBalancer({ upstream: [peer.url] }), 'standard')
  stage = { edge, peer, spare }
})

afterAll(async () => {
  await stage.edge.close()
  await stage.peer.close()
  await stage.spare.close()
})

const corpus = responseCorpus.map(({ category, cases }) => [category, cases] as const)

describe.each(corpus)('responses: %s', (_, cases) => {
  it.each(cases.map((test) => [test.name, test] as const))('%s', async (_, test) => {
    const alone = await runResponse(test, stage, 'alone')
    expectSound(test, alone)
    const withSpare = await runResponse(test, stage, 'withSpare')
    expectSound(test, withSpare)
    const seen = { alone: alone.client, withSpare: withSpare.client, connection: alone.connection }
    const allowed = test.outcomes.flatMap((outcome) => spelledOut(outcome))
    if (allowed.length === 1) expect(seen, alone.bytes).toEqual(allowed[0])
    else expect(allowed, `${JSON.stringify(seen)}: ${alone.bytes}`).toContainEqual(seen)
    if (test.fields !== undefined && alone.client === test.outcomes.find(isDelivered)?.alone) {
      expect(fieldsOf(alone, Object.keys(test.fields))).toEqual(test.fields)
    }
  })
})

/** Right whatever the peer has said. */
function expectSound(test: ResponseCase, observed: ObservedResponse): void {
  const { hung, malformed, after, response, interim, bytes } = observed
  expect({ hung, malformed, after }, bytes).toEqual({
    hung: false,
    malformed: undefined,
    after: '200 peer GET /after 0',
  })
  expect(stage.peer.violations.splice(0)).toEqual([])
  expect(stage.spare.violations.splice(0)).toEqual([])
  // An interim response is passed on or not; none is made up, and nobody has asked for another protocol.
  const said = [test.bytes].flat().join('')
  for (const status of interim) {
    expect(status).not.toBe(101)
    expect(said).toContain(`HTTP/1.1 ${status}`)
  }
  if (response === undefined) return
  if (!response.whole) expect((test.prefixOf ?? '').startsWith(response.body)).toBe(true)
  const forbidden = /^(content-length|transfer-encoding|host|connection|trailer|set-cookie)$/i
  expect(response.trailers.filter(([name]) => forbidden.test(name))).toEqual([])
}

const isDelivered = ({ alone, withSpare }: ResponseOutcome): boolean => alone === withSpare

function spelledOut(outcome: ResponseOutcome): ResponseOutcome[] {
  if (outcome.connection !== 'either') return [outcome]
  return [
    { ...outcome, connection: 'kept' },
    { ...outcome, connection: 'retired' },
  ]
}

function fieldsOf(
  { response }: ObservedResponse,
  names: readonly string[],
): Record<string, string | null> {
  const got = Object.create(null) as Record<string, string | null>
  for (const wanted of names) {
    const lines = (response?.fields ?? []).filter(([name]) => name.toLowerCase() === wanted)
    got[wanted] = lines.length === 0 ? null : lines.map(([, value]) => value).join(' | ')
  }
  return got
}

it('the corpus is as large as it says, and every name is its own', () => {
  const names = responseCorpus.flatMap(({ category, cases }) =>
    cases.map(({ name }) => `${category}: ${name}`),
  )
  expect(new Set(names).size).toBe(names.length)
  expect(names.length).toBeGreaterThanOrEqual(160)
})

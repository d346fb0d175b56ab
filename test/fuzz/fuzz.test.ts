/** A short walk of the fuzzer: the same cases each time. `npm run fuzz` goes further. */
import { expect, it } from 'vitest'
import { watchProcess } from '../helpers/watch-process.js'
import { runCampaign } from './campaign.js'
import { requests, responses } from './campaigns.js'

watchProcess()

const WALK = { cases: 500, seed: 20_261_121, lanes: 8 }

it('requests: nothing reaches the upstream but what was asked for', async () => {
  const { cases, failure } = await runCampaign(requests, WALK)
  expect(failure).toBeUndefined()
  expect(cases).toBe(WALK.cases)
})

it('responses: nothing reaches a client but the answer to its own request', async () => {
  const { cases, failure } = await runCampaign(responses, WALK)
  expect(failure).toBeUndefined()
  expect(cases).toBe(WALK.cases)
})

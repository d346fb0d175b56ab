/** What is done after an attempt; most requests never ask. */
import { RetryBudget } from '../../../../src/next-upstream/budget.js'
import { conditionOfStatus } from '../../../../src/next-upstream/condition.js'
import { decide } from '../../../../src/next-upstream/decide.js'
import type { AttemptFacts } from '../../../../src/next-upstream/decide.js'
import type { Case } from '../case.js'

const FAILURE: AttemptFacts = {
  kind: 'failure',
  condition: 'error',
  listed: true,
  requestSent: true,
  idempotent: true,
  replayable: true,
  stale: false,
  triesLeft: true,
  timeLeft: true,
  nextPeer: 'live',
  mayWait: false,
  budget: true,
  requestAtFault: false,
  held: false,
}

const GOOD: AttemptFacts = { ...FAILURE, kind: 'response', condition: undefined, listed: false }
const EXHAUSTED: AttemptFacts = { ...FAILURE, triesLeft: false }

export function decideCases(): readonly Case[] {
  const budget = new RetryBudget({ ratio: 0.2, floor: 10, window: 10_000 })
  let now = 0
  return [
    { name: 'condition of status 200', run: () => conditionOfStatus(200) },
    { name: 'decide, good response', run: () => decide(GOOD) },
    { name: 'decide, next peer', run: () => decide(FAILURE) },
    { name: 'decide, tries exhausted', run: () => decide(EXHAUSTED) },
    {
      name: 'retry budget, a request',
      run: () => {
        now += 0.05
        budget.request(now)
        return budget
      },
    },
    { name: 'retry budget, asked', run: () => budget.allows(now) },
  ]
}

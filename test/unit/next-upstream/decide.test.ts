import { describe, expect, it } from 'vitest'
import { decide } from '../../../src/next-upstream/decide.js'
import type { AttemptFacts, Decision, WhyNoNext } from '../../../src/next-upstream/decide.js'

/** One rule of the specification. The first whose `when` agrees with the facts decides. */
interface Rule {
  readonly says: string
  readonly when: Partial<AttemptFacts>
  readonly then: Decision | { readonly stop: WhyNoNext }
}

/** Written from sections 2 and 5 of the architecture, not from the code. */
const RULES: readonly Rule[] = [
  {
    says: 'a response with nothing the matter goes to the client, whatever else is true',
    when: { kind: 'response', listed: false },
    then: { do: 'deliver', why: 'good' },
  },
  {
    says: 'nothing is done twice: what was sent and may not be repeated ends here',
    when: { requestSent: true, idempotent: false },
    then: { stop: 'non_idempotent' },
  },
  {
    says: 'a body is replayed whole or not at all',
    when: { replayable: false },
    then: { stop: 'body_not_replayable' },
  },
  {
    says: 'the time for all attempts is over',
    when: { timeLeft: false },
    then: { stop: 'timeout_exhausted' },
  },
  {
    says: 'a stale connection is nobody’s failure: again, fresh, whatever the policy lists or counts',
    when: { stale: true },
    then: { do: 'again' },
  },
  {
    says: 'the condition is not one of nextUpstream.on',
    when: { listed: false },
    then: { stop: 'not_listed' },
  },
  {
    says: 'the request is at fault: no further peer is made to suffer',
    when: { requestAtFault: true },
    then: { stop: 'request_at_fault' },
  },
  {
    says: 'nobody is there to ask, and waiting is allowed',
    when: { kind: 'failure', nextPeer: 'none', mayWait: true },
    then: { do: 'wait' },
  },
  {
    says: 'the tries are used up',
    when: { triesLeft: false },
    then: { stop: 'tries_exhausted' },
  },
  {
    says: 'look before the leap: there is no next peer now',
    when: { nextPeer: 'none' },
    then: { stop: 'no_eligible_peer' },
  },
  {
    says: 'a real answer is not left for a peer that is only hoped for',
    when: { kind: 'response', nextPeer: 'marked' },
    then: { stop: 'no_eligible_peer' },
  },
  {
    says: 'repeated work needs room in the budget',
    when: { requestSent: true, budget: false },
    then: { stop: 'budget_exhausted' },
  },
  {
    says: 'repeated work is charged to the budget',
    when: { requestSent: true },
    then: { do: 'next', charged: true },
  },
  {
    says: 'what was never sent costs nothing',
    when: { requestSent: false },
    then: { do: 'next', charged: false },
  },
]

function agrees(when: Partial<AttemptFacts>, facts: AttemptFacts): boolean {
  return Object.entries(when).every(([name, value]) => facts[name as keyof AttemptFacts] === value)
}

/** What the client is given when it ends here: the earlier real answer, this real answer, or our own status. */
function ending(facts: AttemptFacts, why: WhyNoNext): Decision {
  if (facts.held) return { do: 'deliver_held', why }
  return facts.kind === 'response' ? { do: 'deliver', why } : { do: 'finish', why }
}

function specified(facts: AttemptFacts): Decision {
  const rule = RULES.find(({ when }) => agrees(when, facts))
  if (rule === undefined) throw new Error(`no rule for ${JSON.stringify(facts)}`)
  return 'stop' in rule.then ? ending(facts, rule.then.stop) : rule.then
}

const DOMAIN: { readonly [K in keyof AttemptFacts]: readonly AttemptFacts[K][] } = {
  kind: ['response', 'failure'],
  condition: [undefined, 'error', 'timeout', 'invalid_header', 'http_500', 'http_503', 'http_404'],
  listed: [true, false],
  requestSent: [true, false],
  idempotent: [true, false],
  replayable: [true, false],
  stale: [true, false],
  triesLeft: [true, false],
  timeLeft: [true, false],
  nextPeer: ['live', 'marked', 'none'],
  mayWait: [true, false],
  budget: [true, false],
  requestAtFault: [true, false],
  held: [true, false],
}

function* everything(): Generator<AttemptFacts> {
  const names = Object.keys(DOMAIN) as (keyof AttemptFacts)[]
  const facts: Record<string, unknown> = {}
  function* from(index: number): Generator<AttemptFacts> {
    const name = names[index]
    if (name === undefined) {
      yield { ...facts } as unknown as AttemptFacts
      return
    }
    for (const value of DOMAIN[name]) {
      facts[name] = value
      yield* from(index + 1)
    }
  }
  yield* from(0)
}

const ALL: readonly AttemptFacts[] = [...everything()]

/** The rows of the table in which `holds` is false. */
function exceptions(holds: (facts: AttemptFacts, decision: Decision) => boolean): AttemptFacts[] {
  return ALL.filter((facts) => !holds(facts, decide(facts))).slice(0, 3)
}

/** A first failure of a GET with everything in its favour. */
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
const RESPONSE: AttemptFacts = { ...FAILURE, kind: 'response', condition: 'http_503' }

describe('decide: the truth table', () => {
  it('has a row for every combination of facts', () => {
    expect(ALL).toHaveLength(2 * 7 * 3 * 2 ** 11)
  })

  it('is what the rules say, in every row', () => {
    const wrong = ALL.filter(
      (facts) => JSON.stringify(decide(facts)) !== JSON.stringify(specified(facts)),
    )
    expect(
      wrong.slice(0, 3).map((facts) => ({ facts, got: decide(facts), want: specified(facts) })),
    ).toEqual([])
  })

  it.each(RULES.map((rule, index) => [rule.says, index] as const))(
    'needs the rule: %s',
    (_says, index) => {
      const decided = ALL.filter(
        (facts) => RULES.findIndex(({ when }) => agrees(when, facts)) === index,
      )
      expect(decided.length).toBeGreaterThan(0)
    },
  )

  it('does not depend on which condition it was, only on whether it is listed', () => {
    expect(
      exceptions(
        (facts, decision) =>
          JSON.stringify(decide({ ...facts, condition: 'http_429' })) === JSON.stringify(decision),
      ),
    ).toEqual([])
  })

  it('leaves the facts alone and gives the same answer again', () => {
    const facts = Object.freeze({ ...FAILURE })
    expect(decide(facts)).toEqual(decide(facts))
  })
})

describe('decide: the promises, in every row', () => {
  const goesOn = ({ do: what }: Decision): boolean =>
    what === 'next' || what === 'again' || what === 'wait'

  it('a sent request that may not be repeated never goes on', () => {
    expect(
      exceptions((facts, decision) => !goesOn(decision) || facts.idempotent || !facts.requestSent),
    ).toEqual([])
  })

  it('a body that is lost never goes on', () => {
    expect(exceptions((facts, decision) => !goesOn(decision) || facts.replayable)).toEqual([])
  })

  it('nothing goes on when the time is over', () => {
    expect(exceptions((facts, decision) => !goesOn(decision) || facts.timeLeft)).toEqual([])
  })

  it('the next peer is one that is there now', () => {
    expect(
      exceptions((facts, decision) => decision.do !== 'next' || facts.nextPeer !== 'none'),
    ).toEqual([])
  })

  it('a real answer is left for a live peer only', () => {
    expect(
      exceptions(
        (facts, decision) =>
          facts.kind !== 'response' || decision.do !== 'next' || facts.nextPeer === 'live',
      ),
    ).toEqual([])
  })

  it('an answer of our own never takes the place of a real one', () => {
    expect(
      exceptions(
        (facts, decision) => decision.do !== 'finish' || (!facts.held && facts.kind === 'failure'),
      ),
    ).toEqual([])
  })

  it('only what is held is delivered as held, and only a response as a response', () => {
    expect(
      exceptions(
        (facts, decision) =>
          (decision.do !== 'deliver_held' || facts.held) &&
          (decision.do !== 'deliver' || facts.kind === 'response'),
      ),
    ).toEqual([])
  })

  it('no try is taken that is not left', () => {
    expect(exceptions((facts, decision) => decision.do !== 'next' || facts.triesLeft)).toEqual([])
  })

  it('the budget is charged for repeated work, and only where it has room', () => {
    expect(
      exceptions(
        (facts, decision) =>
          decision.do !== 'next' ||
          (decision.charged === facts.requestSent && (!decision.charged || facts.budget)),
      ),
    ).toEqual([])
  })

  it('the same peer is asked again for a stale connection only', () => {
    expect(exceptions((facts, decision) => decision.do !== 'again' || facts.stale)).toEqual([])
  })

  it('a request at fault goes to no further peer', () => {
    expect(
      exceptions((facts, decision) => !facts.requestAtFault || decision.do !== 'next'),
    ).toEqual([])
  })
})

describe('decide: by name', () => {
  const rows: readonly (readonly [string, AttemptFacts, Decision])[] = [
    ['a failed GET goes to the next peer', FAILURE, { do: 'next', charged: true }],
    ['a listed 503 does, too', RESPONSE, { do: 'next', charged: true }],
    [
      'an application’s 500 goes to the client',
      { ...RESPONSE, condition: 'http_500', listed: false },
      { do: 'deliver', why: 'good' },
    ],
    [
      'a good answer wins over a held one',
      { ...RESPONSE, condition: undefined, listed: false, held: true },
      { do: 'deliver', why: 'good' },
    ],
    [
      'a sent POST is not repeated',
      { ...FAILURE, idempotent: false },
      { do: 'finish', why: 'non_idempotent' },
    ],
    [
      'a POST that was never sent is, free of charge',
      { ...FAILURE, idempotent: false, requestSent: false, budget: false },
      { do: 'next', charged: false },
    ],
    [
      'a POST answered with a listed 503 is answered with it',
      { ...RESPONSE, idempotent: false },
      { do: 'deliver', why: 'non_idempotent' },
    ],
    [
      'no blackout: a marked peer is tried when no other is left',
      { ...FAILURE, nextPeer: 'marked' },
      { do: 'next', charged: true },
    ],
    [
      'a 503 is not left for a marked peer',
      { ...RESPONSE, nextPeer: 'marked' },
      { do: 'deliver', why: 'no_eligible_peer' },
    ],
    [
      'a 503 from the last peer goes to the client, and no 502 of ours',
      { ...RESPONSE, nextPeer: 'none', mayWait: true },
      { do: 'deliver', why: 'no_eligible_peer' },
    ],
    [
      'the held answer is given when the next attempt fails',
      { ...FAILURE, nextPeer: 'none', held: true },
      { do: 'deliver_held', why: 'no_eligible_peer' },
    ],
    [
      'of two real answers that are the matter the first is given',
      { ...RESPONSE, nextPeer: 'none', held: true },
      { do: 'deliver_held', why: 'no_eligible_peer' },
    ],
    [
      'a stale connection costs no try and no budget, and needs no other peer',
      { ...FAILURE, stale: true, triesLeft: false, budget: false, nextPeer: 'none' },
      { do: 'again' },
    ],
    [
      'it is retried with next upstream off',
      { ...FAILURE, stale: true, listed: false },
      { do: 'again' },
    ],
    [
      'a sent POST on a stale connection is not',
      { ...FAILURE, stale: true, idempotent: false },
      { do: 'finish', why: 'non_idempotent' },
    ],
    [
      'a request at fault ends, though peers are left',
      { ...FAILURE, requestAtFault: true },
      { do: 'finish', why: 'request_at_fault' },
    ],
    [
      'it does not wait either',
      { ...FAILURE, requestAtFault: true, nextPeer: 'none', mayWait: true },
      { do: 'finish', why: 'request_at_fault' },
    ],
    [
      'a struggling upstream is not buried',
      { ...FAILURE, budget: false },
      { do: 'finish', why: 'budget_exhausted' },
    ],
    [
      'the last try is the last',
      { ...FAILURE, triesLeft: false },
      { do: 'finish', why: 'tries_exhausted' },
    ],
    ['out of time', { ...FAILURE, timeLeft: false }, { do: 'finish', why: 'timeout_exhausted' }],
    ['wait for a peer', { ...FAILURE, nextPeer: 'none', mayWait: true }, { do: 'wait' }],
    [
      'nobody waits while a marked peer may be tried',
      { ...FAILURE, nextPeer: 'marked', mayWait: true },
      { do: 'next', charged: true },
    ],
  ]

  it.each(rows)('%s', (_name, facts, decision) => {
    expect(decide(facts)).toEqual(decision)
  })
})

/** What is fuzzed. */
import type { Campaign } from './campaign.js'
import { requestFuzz, requestSegments } from './request-grammar.js'
import type { RequestFuzz } from './request-grammar.js'
import { requestLane } from './request-lane.js'
import { responseFuzz, responseSegments } from './response-grammar.js'
import type { ResponseFuzz } from './response-grammar.js'
import { responseLane } from './response-lane.js'

export const requests: Campaign<RequestFuzz> = {
  name: 'requests',
  arbitrary: requestFuzz,
  lane: requestLane,
  show: (test) => `the client sends ${JSON.stringify(requestSegments(test))}`,
}

export const responses: Campaign<ResponseFuzz> = {
  name: 'responses',
  arbitrary: responseFuzz,
  lane: responseLane,
  show: (test) =>
    `to ${test.method} the peer says ${JSON.stringify(responseSegments(test, 1))}, then ${test.then}`,
}

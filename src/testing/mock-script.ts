/** Which answer a request gets: a route's, the script's next, or the default. */
import type { AnswerSource } from './answer.js'
import type { MockRequest } from './mock-request.js'
import { respond } from './respond.js'

/** A path (compared without the query), or a test of the request's head. */
export type RouteMatch = string | ((request: MockRequest) => boolean)

export class MockScript {
  readonly #routes: { match: RouteMatch; answer: AnswerSource }[] = []
  #script: AnswerSource[] = []
  #default: AnswerSource

  constructor(answer: AnswerSource = respond()) {
    this.#default = answer
  }

  get left(): number {
    return this.#script.length
  }

  reply(answer: AnswerSource): void {
    this.#default = answer
  }

  script(answers: readonly AnswerSource[]): void {
    this.#script = [...answers]
  }

  route(match: RouteMatch, answer: AnswerSource): void {
    this.#routes.unshift({ match, answer })
  }

  /** A predicate that throws becomes an answer that throws. */
  choose(request: MockRequest): AnswerSource {
    try {
      const route = this.#routes.find(({ match }) => matches(match, request))
      return route?.answer ?? this.#script.shift() ?? this.#default
    } catch (cause) {
      return () => Promise.reject(new Error('the test of a route threw', { cause }))
    }
  }
}

function matches(match: RouteMatch, request: MockRequest): boolean {
  if (typeof match === 'function') return match(request)
  return request.target.split('?', 1)[0] === match
}

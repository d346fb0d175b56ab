/** `evenkeel/testing`: upstreams, transports, clocks and chance for unit tests. */
export { fakeClock } from './fake-clock.js'
export type { FakeClock } from './fake-clock.js'
export { scriptedRandom } from './scripted-random.js'
export type { ScriptedRandom, ScriptedRandomOptions } from './scripted-random.js'

export { scriptedTransport } from './scripted-transport.js'
export type {
  OutcomeFunction,
  OutcomeRequest,
  OutcomeScript,
  ScriptedTransport,
  ScriptedTransportOptions,
} from './scripted-transport.js'
export { fails, hangs, ok } from './outcome.js'
export type {
  FailsOptions,
  FailsOutcome,
  HangsOutcome,
  HeaderList,
  OkOptions,
  OkOutcome,
  Outcome,
} from './outcome.js'
export type { RecordedAttempt } from './attempt-run.js'
export type { RequestBodyOptions } from './recording-sink.js'
export type { ResponseState } from './scripted-response.js'

export { createMockUpstream } from './mock-upstream.js'
export type { MalformedInput, MockUpstream, MockUpstreamOptions } from './mock-upstream.js'
export type { Behaviour } from './mock-behaviour.js'
export type { ListenOptions, MockTlsOptions } from './mock-listener.js'
export type { MockRequest, RequestState } from './mock-request.js'
export type { RouteMatch } from './mock-script.js'
export { drip, hugeHeader, respond } from './respond.js'
export type { DripOptions, RespondOptions } from './respond.js'
export {
  closeConnection,
  dieInBody,
  earlyResponse,
  hang,
  raw,
  reset,
  switchProtocols,
} from './misbehave.js'
export type { DieInBodyOptions, EarlyOptions, RawOptions, SwitchOptions } from './misbehave.js'
export type {
  Answer,
  AnswerFunction,
  AnswerSource,
  CloseHow,
  Exchange,
  StartOptions,
} from './answer.js'

/** How a body that is held back on its way is to end, once all of it is delivered. */
import type { BodySink, UpstreamFailure } from '../next-upstream/attempt-result.js'

export type BodyEnding =
  | { readonly kind: 'end'; readonly rawTrailers: readonly string[] }
  | { readonly kind: 'fail'; readonly failure: UpstreamFailure }

export function endBody(sink: BodySink, ending: BodyEnding): void {
  if (ending.kind === 'end') sink.end(ending.rawTrailers)
  else sink.fail(ending.failure)
}

/** nginx's `proxy_intercept_errors`: the user answers in place of a peer that answered with an error. */
import type { InterceptErrors, ResponseContext, UpstreamResponseHead } from '../message-options.js'

/** True: the user answers. A promise only where the function has returned one. */
export type Intercept = (
  head: Readonly<UpstreamResponseHead>,
  context: ResponseContext,
) => boolean | Promise<boolean>

/** Undefined when there is nothing to call. Whether a status is an error's, the caller knows. */
export function compileInterceptErrors(
  interceptErrors: InterceptErrors | undefined,
): Intercept | undefined {
  if (interceptErrors === undefined) return undefined
  return (head, context) => {
    const answered = interceptErrors(head, context)
    if (typeof answered !== 'object') return answered === true
    return Promise.resolve(answered).then((late) => late === true)
  }
}

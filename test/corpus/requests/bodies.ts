/** What is hidden in the body of a request that is often thought to have none. */
import { CHUNKED, SMUGGLED, chunk, length } from '../bytes.js'
import { request, served } from '../request-case.js'
import type { RequestCase } from '../request-case.js'

const METHODS = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PUT', 'PATCH', 'PROPFIND', 'SEARCH', 'TRACE']

export const bodies: readonly RequestCase[] = METHODS.flatMap((method) => {
  const head = `${method} /case HTTP/1.1\r\nHost: site\r\n`
  const outcome = served(`${method} /case ${SMUGGLED.trimEnd()}`)
  const heads = method === 'HEAD' ? [0] : []
  return [
    request(`a request in the body of ${method}`, head + length(SMUGGLED), outcome, { heads }),
    request(
      `a request in the chunked body of ${method}`,
      `${head}${CHUNKED}\r\n${chunk(SMUGGLED)}`,
      outcome,
      { heads },
    ),
  ]
})

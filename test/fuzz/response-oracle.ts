/** What must hold of a fuzzed response, whatever its bytes. */
import { finals, readResponses, valuesOf } from '../corpus/wire/responses.js'
import type { Got, GotResponse } from '../corpus/wire/responses.js'
import { readSaid } from './reference-responses.js'
import type { SaidResponse } from './reference-responses.js'

/** Fields that are between two neighbours, or that our server adds. */
const HOPS =
  /^(connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|http2-settings|content-length|date|via)$/

/** @returns what is wrong, or undefined. */
export function judgeResponse(
  method: string,
  bytes: string,
  then: 'open' | 'fin' | 'reset',
  got: Got,
): string | undefined {
  const answers = finals(got)
  const [answer] = answers
  if (got.malformed !== undefined) return `the client has got ${got.malformed}`
  if (answer === undefined) return 'the client has got no answer at all'
  if (answers.length > 1) return `the client has got ${answers.length} answers to one request`
  const madeUp = got.responses.find(({ status }) => status < 200 && !isSaid(bytes, status))
  if (madeUp !== undefined) return `an interim response that nobody has given: ${inWords(madeUp)}`
  const right = isRight(method, bytes, then)
  if (isOurs(answer) || isSpare(answer)) {
    return right ? `refused although it is right: ${inWords(answer)}` : undefined
  }
  // An end without a word is what a stale connection looks like: the same peer is asked again.
  if (bytes === '' && isStandard(answer)) return undefined
  const said = readSaid(bytes, method, then)
  if (said === undefined) return `an answer that nobody has given: ${inWords(answer)}`
  return (
    unlike(said, answer) ?? (right && !answer.whole ? 'broken off although it is right' : undefined)
  )
}

/** Nobody has asked for another protocol. */
function isSaid(bytes: string, status: number): boolean {
  return status !== 101 && new RegExp(`\\b${status}\\b`).test(bytes)
}

/** 502 and 504 with a reason. */
function isOurs({ fields, status }: GotResponse): boolean {
  const [proxyStatus] = valuesOf(fields, 'proxy-status')
  return status >= 500 && proxyStatus?.startsWith('evenkeel; error=') === true
}

/** The other peer's: it says whose it is. */
function isSpare({ body, status, fields, whole }: GotResponse): boolean {
  const [length] = valuesOf(fields, 'content-length')
  if (status !== 200 || !whole) return false
  return body === 'spare GET /case 0' || (body === '' && length === '18')
}

/** The peer's to a request for which nothing else was planned. */
function isStandard({ body, status, whole }: GotResponse): boolean {
  return whole && status === 200 && (body === '' || body.startsWith('peer '))
}

/** Is it the peer's answer, and as whole as it looks? */
function unlike(said: SaidResponse, answer: GotResponse): string | undefined {
  if (answer.status !== said.status) return `${answer.status} for ${said.status}`
  if (answer.whole && (!said.complete || answer.body !== said.body)) {
    return `looks whole and is not the answer: ${inWords(answer)} for ${JSON.stringify(said)}`
  }
  if (!said.body.startsWith(answer.body)) return `a body of its own: ${inWords(answer)}`
  const mine = linesOf(answer.fields)
  const theirs = linesOf(said.fields)
  return mine === theirs ? undefined : `fields of its own: ${mine} for ${theirs}`
}

function linesOf(fields: GotResponse['fields']): string {
  const named = new Set(
    valuesOf(fields, 'connection').flatMap((value) =>
      value.split(',').map((name) => name.trim().toLowerCase()),
    ),
  )
  return fields
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !HOPS.test(name) && !named.has(name))
    .map(([name, value]) => `${name}: ${value}`)
    .sort()
    .join('\n')
}

/** Nobody could find fault with it, and so it has to reach the client. */
function isRight(method: string, bytes: string, then: 'open' | 'fin' | 'reset'): boolean {
  const { responses, malformed, rest } = readResponses(bytes, then, () => method === 'HEAD')
  const last = responses.at(-1)
  // What a reset may have overtaken has rules of its own.
  if (malformed !== undefined || rest !== '' || last?.whole !== true || then === 'reset')
    return false
  const interim = responses.slice(0, -1)
  if (last.status < 200 || interim.some(({ status }) => status >= 200 || status === 101))
    return false
  // Another peer may be asked.
  if ([502, 503, 504].includes(last.status)) return false
  // Odd, and read in more than one way: framing where there is no body, an end that is announced too early.
  const bodiless = method === 'HEAD' || last.status === 204 || last.status === 304
  const lengths = valuesOf(last.fields, 'content-length')
  if (bodiless && valuesOf(last.fields, 'transfer-encoding').length > 0) return false
  if (lengths.length > 1 || lengths.some((length) => !/^[0-9]{1,15}$/.test(length))) return false
  if (last.trailers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name)))
    return false
  return !interim.some(({ fields }) =>
    fields.some(([name]) => /^(content-length|transfer-encoding|connection)$/i.test(name)),
  )
}

function inWords({ status, body, whole, fields }: GotResponse): string {
  return JSON.stringify({ status, body: body.slice(0, 300), whole, fields })
}

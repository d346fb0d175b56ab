/** What must hold of a fuzzed request, whatever its bytes. */
import type { RawClient } from '../corpus/wire/raw-client.js'
import { finals } from '../corpus/wire/responses.js'
import { StrictRequestReader } from '../corpus/wire/strict-requests.js'
import type { SeenRequest } from '../corpus/wire/strict-requests.js'
import { readAsked } from './reference-requests.js'
import type { AskedRequest } from './reference-requests.js'

/** Fields that the balancer writes itself, or answers itself. */
const OURS =
  /^(host|x-forwarded-(for|proto|host|port)|x-real-ip|forwarded|connection|content-length|transfer-encoding|trailer|te|via|expect|upgrade|keep-alive|proxy-connection|proxy-authorization|http2-settings)$/

/** @returns what is wrong, or undefined. */
export function judgeRequests(
  bytes: string,
  seen: readonly SeenRequest[],
  client: RawClient,
): string | undefined {
  const asked = readAsked(bytes)
  return wrongRequests(asked, seen) ?? wrongAnswers(asked, client) ?? lost(bytes, seen, client)
}

/** Each request that the upstream sees is one that the client has sent, and each of those is seen once at most. */
function wrongRequests(
  asked: readonly AskedRequest[],
  seen: readonly SeenRequest[],
): string | undefined {
  const left = [...asked]
  for (const request of seen) {
    const index = left.findIndex((one) => isSame(one, request))
    if (index === -1) {
      return (
        `the upstream has got what nobody has asked for: ${JSON.stringify(request)}; ` +
        `asked for was ${JSON.stringify(left)}`
      )
    }
    left.splice(index, 1)
  }
  return undefined
}

function isSame(asked: AskedRequest, seen: SeenRequest): boolean {
  if (asked.method !== seen.method || !isSameTarget(asked.target, seen.target)) return false
  // What is cut off has to stay so.
  if (seen.complete && !asked.complete) return false
  if (seen.complete ? asked.body !== seen.body : !asked.body.startsWith(seen.body)) return false
  const trailers = asked.trailers.map(([name, value]) => `${name}: ${value}`)
  const madeUp = seen.trailers.some(
    ([name, value]) => !trailers.includes(`${name.toLowerCase()}: ${value}`),
  )
  return !madeUp && sameFields(asked, seen)
}

/** An absolute form may have become a path. */
function isSameTarget(asked: string, seen: string): boolean {
  if (asked === seen) return true
  const path = /^[a-z]+:\/\/[^/?#]*(.*)$/i.exec(asked)?.[1]
  return path !== undefined && (path.startsWith('/') ? path : `/${path}`) === seen
}

/** Nothing is made up; and of what is for the application nothing is lost. */
function sameFields(asked: AskedRequest, seen: SeenRequest): boolean {
  const named = new Set(
    asked.fields
      .filter(([name]) => name === 'connection')
      .flatMap(([, value]) => value.toLowerCase().split(','))
      .map((name) => name.trim()),
  )
  const linesOf = (fields: readonly (readonly [string, string])[]): string[] =>
    fields
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => !OURS.test(name) && !named.has(name))
      .filter(([name]) => !OURS.test(name.replaceAll('_', '-')))
      .map(([name, value]) => `${name}: ${value}`)
      .sort()
  return joined(linesOf(asked.fields)) === joined(linesOf(seen.fields))
}

/** Lines of Cookie are joined on the way, empty ones too. */
function joined(lines: readonly string[]): string {
  const isCookie = (line: string): boolean => line.startsWith('cookie: ')
  const cookies = lines.filter(isCookie).flatMap((line) => line.slice(8).split(';'))
  const named = cookies.map((cookie) => cookie.trim()).filter((cookie) => cookie !== '')
  return [...lines.filter((line) => !isCookie(line)), ...named.sort()].join('\n')
}

/** What nobody could find fault with is carried and answered, all of it. */
function lost(bytes: string, seen: readonly SeenRequest[], client: RawClient): string | undefined {
  const right = rightRequests(bytes)
  if (right === undefined) return undefined
  const answers = finals(client.got((index) => right[index]?.method === 'HEAD'))
  const good = answers.filter(({ status, whole }) => status === 200 && whole).length
  const whole = seen.filter(({ complete }) => complete).length
  if (good === right.length && whole === right.length) return undefined
  return `of ${right.length} right requests the upstream has got ${whole}, and ${good} were answered`
}

/** All that the client asks for, when all of it is as a careful client would have written it. */
function rightRequests(bytes: string): SeenRequest[] | undefined {
  // What ends a connection, asks for another protocol or for a word beforehand has rules of its own.
  if (/close|upgrade|expect/i.test(bytes)) return undefined
  const right: SeenRequest[] = []
  const reader = new StrictRequestReader(
    1,
    () => undefined,
    (request) => right.push(request),
  )
  try {
    reader.push(bytes)
  } catch {
    return undefined
  }
  const plain = right.every(
    ({ method, target, fields }) =>
      /^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH)$/.test(method) &&
      /^\/[!-"$-~]*$/.test(target) &&
      fields.some(([name, value]) => name.toLowerCase() === 'host' && value === 'site'),
  )
  return plain && !reader.pending ? right : undefined
}

/** The answers are whole, and in the order of the requests. */
function wrongAnswers(asked: readonly AskedRequest[], client: RawClient): string | undefined {
  const got = client.got((index) => asked[index]?.method === 'HEAD')
  if (got.malformed !== undefined) return `the client has got ${got.malformed}`
  const answers = finals(got)
  // One more than there are requests: the refusal of what is none.
  if (answers.length > asked.length + 1)
    return `${answers.length} answers to ${asked.length} requests`
  let next = 0
  for (const { status, body } of answers) {
    if (status !== 200 || body === '') continue
    const index = asked.findIndex((one, i) => i >= next && answerTo(one).includes(body))
    if (index === -1) return `an answer to nothing that was asked: ${JSON.stringify(body)}`
    next = index + 1
  }
  return undefined
}

function answerTo({ method, target, body }: AskedRequest): string[] {
  const path = /^[a-z]+:\/\/[^/?#]*(.*)$/i.exec(target)?.[1]
  const targets = path === undefined ? [target] : [target, path.startsWith('/') ? path : `/${path}`]
  return targets.map((one) => `peer ${method} ${one} ${body.length}`)
}

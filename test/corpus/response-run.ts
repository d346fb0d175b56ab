/** Drives one case of the response corpus, with another peer at hand or without. */
import { createBalancer } from 'evenkeel'
import { fakeClock } from 'evenkeel/testing'
import type { FakeClock } from 'evenkeel/testing'
import { turns } from '../helpers/watch-process.js'
import type { Asked, ResponseCase } from './response-case.js'
import type { Edge } from './wire/edge.js'
import { RawClient } from './wire/raw-client.js'
import { finals, valuesOf } from './wire/responses.js'
import type { GotResponse } from './wire/responses.js'
import type { UpstreamRecorder } from './wire/upstream-recorder.js'

const READ_TIMEOUT = 60_000
const AFTER = 'GET /after HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n'
const ASKED: Readonly<Record<Asked, string>> = {
  GET: 'GET /case HTTP/1.1\r\nHost: site\r\n\r\n',
  HEAD: 'HEAD /case HTTP/1.1\r\nHost: site\r\n\r\n',
  POST: 'POST /case HTTP/1.1\r\nHost: site\r\nContent-Length: 5\r\n\r\nhello',
  'GET in HTTP/1.0': 'GET /case HTTP/1.0\r\nHost: site\r\n\r\n',
}

export interface ObservedResponse {
  readonly client: string
  readonly response: GotResponse | undefined
  readonly interim: readonly number[]
  readonly connection: 'kept' | 'retired'
  /** The answer to the request behind it. */
  readonly after: string
  readonly malformed: string | undefined
  readonly hung: boolean
  readonly bytes: string
}

export interface Stage {
  readonly edge: Edge
  readonly peer: UpstreamRecorder
  readonly spare: UpstreamRecorder
}

/** A balancer of its own for each: what one case teaches about the peer is of no matter to the next. */
export async function runResponse(
  test: ResponseCase,
  { edge, peer, spare }: Stage,
  peers: 'alone' | 'withSpare',
): Promise<ObservedResponse> {
  const clock = fakeClock()
  const balancer = createBalancer({
    upstream: [
      { url: peer.url, maxFails: 0 },
      ...(peers === 'alone' ? [] : [{ url: spare.url, maxFails: 0, backup: true }]),
    ],
    retryBudget: false,
    readTimeout: READ_TIMEOUT,
    clock,
  })
  edge.balancer = balancer
  const requestsBefore = peer.requests.length
  const played = plan(test, peer)
  const client = RawClient.to(edge.port)
  const isHead = (index: number): boolean => test.asked === 'HEAD' && index === 0
  await client.send([ASKED[test.asked]])
  if (test.then === 'silent') await letTimePass(played, clock)
  let hung = !(await client.until(() => client.answered(isHead) >= 1))
  await played
  await turns()
  const got = client.got(isHead)
  const after = client.ending === 'open' ? client : RawClient.to(edge.port)
  await after.send([AFTER])
  hung = !(await after.until(() => false)) || hung
  client.destroy()
  after.destroy()
  await balancer.close({ timeout: 0 })
  const [first] = finals(got)
  const all = after.got((index) => after === client && isHead(index))
  const last = finals(all).at(-1)
  return {
    client: first === undefined ? client.ending : inWords(first),
    response: first,
    interim: got.responses.filter(({ status }) => status < 200).map(({ status }) => status),
    connection: connectionOf(peer, requestsBefore),
    after: last === undefined ? after.ending : `${last.status} ${last.body}`,
    malformed: got.malformed ?? all.malformed,
    hung,
    bytes: client.bytes,
  }
}

/** Resolves when the peer has done all that it was to do. */
function plan(test: ResponseCase, peer: UpstreamRecorder): Promise<void> {
  return new Promise((resolve) => {
    peer.plan({
      bytes: test.bytes,
      then: test.then === 'silent' ? 'open' : test.then,
      at: test.at ?? 'request',
      played: resolve,
    })
  })
}

/** More than the read timeout, when all that the peer says has been read. */
async function letTimePass(played: Promise<void>, clock: FakeClock): Promise<void> {
  await played
  await turns()
  await clock.advanceAsync(READ_TIMEOUT + 1)
}

function inWords({ status, body, whole, fields }: GotResponse): string {
  if (!whole) return `${status} …`
  const [proxyStatus] = valuesOf(fields, 'proxy-status')
  const error = proxyStatus === undefined ? null : /; error=([a-z_]+)/.exec(proxyStatus)
  return `${status} ${error?.[1] ?? body}`.trimEnd()
}

/** Did the request behind it go out on the same connection? */
function connectionOf(peer: UpstreamRecorder, before: number): 'kept' | 'retired' {
  const [first, second] = peer.requests.slice(before)
  return second !== undefined && first?.connection === second.connection ? 'kept' : 'retired'
}

/** Drives one case of the request corpus. */
import { RawClient } from './wire/raw-client.js'
import { finals, valuesOf } from './wire/responses.js'
import type { GotResponse } from './wire/responses.js'
import type { SeenRequest } from './wire/strict-requests.js'
import type { UpstreamRecorder } from './wire/upstream-recorder.js'
import { turns } from '../helpers/watch-process.js'
import type { RequestCase, RequestOutcome } from './request-case.js'

const LAST = 'GET /last HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n'
const AFTER = 'GET /after HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n'

export interface Observed {
  readonly outcome: RequestOutcome
  readonly requests: readonly SeenRequest[]
  /** What came over the wire, for the reader of a failure. */
  readonly bytes: string
  /** Bodies that do not belong to a request of this case. */
  readonly foreign: readonly string[]
  readonly malformed: string | undefined
  readonly hung: boolean
}

export async function runRequest(
  test: RequestCase,
  port: number,
  recorder: UpstreamRecorder,
): Promise<Observed> {
  const before = recorder.requests.length
  const client = RawClient.to(port)
  const isHead = (index: number): boolean => test.heads?.includes(index) === true
  await client.send(typeof test.bytes === 'string' ? [test.bytes] : test.bytes)
  const hung = !(await conclude(test, client, isHead))
  client.destroy()
  await turns()
  const requests = recorder.requests.slice(before)
  const got = client.got(isHead)
  const answers = finals(got)
  const kept = answers.at(-1)?.body.includes(' /last ') === true
  const responses = kept ? got.responses.slice(0, -1) : got.responses
  const statuses = responses.map((one) => `${one.status}${looksWhole(one) ? '' : '…'} `).join('')
  return {
    outcome: {
      client: `${statuses}${kept ? 'kept' : 'closed'}`,
      upstream: requests
        .filter(({ complete, target }) => complete && target !== '/last')
        .map(({ method, target, body }) => `${method} ${target} ${body}`.trimEnd()),
      ...begunOf(requests),
    },
    requests,
    bytes: client.bytes,
    foreign: responses.map(({ body }) => body).filter((body) => !belongs(body, requests)),
    malformed: got.malformed,
    hung,
  }
}

/** A plain request through the same balancer, on a connection of its own. */
export async function askAfter(port: number): Promise<string> {
  const client = RawClient.to(port)
  await client.send([AFTER])
  await client.until(() => false)
  client.destroy()
  const [response] = finals(client.got())
  return response === undefined ? client.ending : `${response.status} ${response.body}`
}

/** Brings the connection to its end, one way or the other. */
async function conclude(
  test: RequestCase,
  client: RawClient,
  isHead: (index: number) => boolean,
): Promise<boolean> {
  if (test.then === 'reset') {
    await turns()
    client.reset()
    return true
  }
  if (test.then === 'fin') {
    client.finish()
    return client.until(() => false)
  }
  const awaited = Math.max(...test.outcomes.map(({ client: seen }) => countOf(seen)))
  const closes = test.outcomes.every(({ client: seen }) => seen.endsWith('closed'))
  if (!(await client.until(() => client.answered(isHead) >= awaited))) return false
  // An end that follows the answer arrives; where none is seen in time, the connection was kept.
  await turns()
  if (closes && (await client.until(() => false))) return true
  if (client.ending === 'open') await client.send([LAST])
  return client.until(() => false)
}

/** Node frames its own refusals by the end of the connection, and resets it where more bytes have come meanwhile. */
function looksWhole({ whole, status, fields, body }: GotResponse): boolean {
  return whole || (status >= 400 && body === '' && valuesOf(fields, 'content-length').length === 0)
}

function countOf(client: string): number {
  return client.split(' ').filter((word) => /^[2-9]/.test(word)).length
}

function begunOf(requests: readonly SeenRequest[]): { begun?: string } {
  const open = requests.filter(({ complete }) => !complete)
  if (open.length === 0) return {}
  return { begun: open.map(({ method, target }) => `${method} ${target}`).join(', ') }
}

/** A body is an error page of ours or of Node, or the recorder's answer to a request of this very case. */
function belongs(body: string, requests: readonly SeenRequest[]): boolean {
  if (body === '' || /^[45][0-9][0-9] [A-Z]/.test(body)) return true
  return requests.some(
    (request) => body === `peer ${request.method} ${request.target} ${request.body.length}`,
  )
}

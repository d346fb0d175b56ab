import { describe, expect, it } from 'vitest'
import { incomingBody } from '../../../src/message/incoming-body.js'
import type { BodyOwner, BodySettings } from '../../../src/message/incoming-body.js'
import {
  BufferedBody,
  NO_BODY,
  ReplayMemory,
  StreamedBody,
} from '../../../src/message/request-body.js'
import { Client } from '../balancer/client.js'
import type { RequestOptions } from '../balancer/client.js'

const settings: BodySettings = {
  buffering: 'replay',
  bodyBuffer: 100,
  tempPath: undefined,
  replayBuffer: 100,
  memory: new ReplayMemory(1000),
  maxBody: 10,
}

function owner(onTooLarge: () => void = () => undefined): BodyOwner {
  return {
    bodyStream: undefined,
    bodyTooLarge: onTooLarge,
    bodyWanted: () => undefined,
    bodyFailed: () => expect.unreachable(),
    aborted: false,
    onAbort: undefined,
    informational: () => expect.unreachable(),
  }
}

function bodyOf(options: RequestOptions, fields: object = {}, parsed?: unknown) {
  const { req } = new Client({ method: 'POST', ...options })
  Object.assign(req, fields)
  return incomingBody(
    req,
    parsed,
    settings,
    owner(() => expect.unreachable()),
  )
}

function textOf(body: ReturnType<typeof incomingBody>): string {
  if (body instanceof Promise) return 'read whole first'
  if (typeof body === 'string') return `refused: ${body}`
  let text = ''
  body.attach({
    write: (chunk) => {
      text += chunk.toString()
      return true
    },
    end: () => (text += '.'),
  })
  return text
}

/** As a body parser leaves a request. */
async function readAll({ req }: Client): Promise<void> {
  for await (const _chunk of req);
}

describe('incomingBody', () => {
  it('is none without framing, whatever the method', () => {
    expect(bodyOf({})).toBe(NO_BODY)
    expect(bodyOf({ method: 'GET' })).toBe(NO_BODY)
  })

  it('is none with length 0', () => {
    expect(bodyOf({ body: '' })).toBe(NO_BODY)
  })

  it('is none of a GET even when a parser has put an empty object there', () => {
    expect(bodyOf({ method: 'GET' }, { body: {} })).toBe(NO_BODY)
  })

  it('is streamed with a length', () => {
    const body = bodyOf({ body: 'abc' })
    expect(body).toBeInstanceOf(StreamedBody)
    expect(body).toMatchObject({ framing: 'known', length: 3 })
  })

  it('is streamed in chunks', () => {
    const body = bodyOf({ body: ['abc'] })
    expect(body).toBeInstanceOf(StreamedBody)
    expect(body).toMatchObject({ framing: 'chunked' })
  })

  it('is streamed for an HTTP/2 request that says nothing of its length', () => {
    expect(bodyOf({}, { stream: { endAfterHeaders: false } })).toBeInstanceOf(StreamedBody)
    expect(bodyOf({}, { stream: { endAfterHeaders: true } })).toBe(NO_BODY)
  })

  it('is refused at once when it declares too much', () => {
    expect(bodyOf({ body: { declared: 11 } })).toBe('too_large')
    expect(bodyOf({ body: { declared: 10 } })).toBeInstanceOf(StreamedBody)
  })

  it('that a parser has read is written again from what the parser left', async () => {
    const client = new Client({
      method: 'POST',
      body: '{"a": 1}',
      headers: { 'content-type': 'application/json' },
    })
    await readAll(client)
    Object.assign(client.req, { body: { a: 1 } })
    const body = incomingBody(client.req, undefined, settings, owner())
    expect(body).toBeInstanceOf(BufferedBody)
    expect(textOf(body)).toBe('{"a":1}.')
  })

  it('that a framework hands over apart is taken from there', async () => {
    const client = new Client({
      method: 'POST',
      body: '{"a": 1}',
      headers: { 'content-type': 'application/json' },
    })
    await readAll(client)
    expect(textOf(incomingBody(client.req, { b: 2 }, settings, owner()))).toBe('{"b":2}.')
  })

  it('that was read and is nowhere is consumed', async () => {
    const client = new Client({ method: 'POST', body: 'abc' })
    await readAll(client)
    expect(incomingBody(client.req, undefined, settings, owner())).toBe('consumed')
  })

  it('that was read and is too large is refused, too', async () => {
    const client = new Client({ method: 'POST', body: ['0123456789x'] })
    await readAll(client)
    Object.assign(client.req, { body: Buffer.from('0123456789x') })
    expect(incomingBody(client.req, undefined, settings, owner())).toBe('too_large')
  })
})

/** Trap 11: agentkeepalive destroys working sockets that are silent for `max(2 × freeSocketTimeout, 8 s)`. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest } from 'node:http'
import { respond } from 'evenkeel/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import { ask } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

/** Every outgoing request of this process to that port. */
function outgoing(port: number): ClientRequest[] {
  const requests: ClientRequest[] = []
  const note = (message: unknown): void => {
    const { request } = message as { request: ClientRequest }
    if (Number(request.getHeader('x-marked')) === port) requests.push(request)
  }
  subscribe('http.client.request.start', note)
  onTestFinished(() => void unsubscribe('http.client.request.start', note))
  return requests
}

describe('trap 11: only the read timeout ends a working connection', () => {
  it.each([
    ['http', {}],
    ['https', { tls: forLocalhost }],
  ])('agentkeepalive has no timer on it, fresh or reused (%s)', async (_scheme, options) => {
    const timeouts: number[] = []
    const mock = await upstream(options)
    const seen = outgoing(mock.port)
    mock.reply(() => {
      timeouts.push(seen.at(-1)!.socket!.timeout ?? 0)
      return respond({ body: 'hi' })
    })
    const { port, finished, over } = await serve([mock], {
      keepalive: { timeout: '7s' },
      tls: { ca: forLocalhost.cert, name: 'localhost' },
    })
    const headers = { 'X-Marked': String(mock.port) }
    expect(await ask(port, { headers })).toMatchObject({ whole: true, body: 'hi' })
    expect(await ask(port, { headers })).toMatchObject({ whole: true, body: 'hi' })
    await over(2)
    expect(mock.connections).toBe(1)
    expect(finished[1]!.attempts[0]!.reusedConnection).toBe(true)
    expect(timeouts).toEqual([0, 0])
  })

  it('nor is the idle timeout of a connection left on it when it works again', async () => {
    const mock = await upstream()
    const { port } = await serve([mock], { keepalive: { timeout: 150 } })
    expect(await ask(port)).toMatchObject({ whole: true })
    // The silence is what is looked at: three idle timeouts long.
    mock.reply(respond({ delay: 450, body: ['a', 'b'], gap: 450 }))
    expect(await ask(port)).toMatchObject({ whole: true, body: 'ab' })
    expect(mock.requests.map(({ connectionId }) => connectionId)).toEqual([1, 1])
  })
})

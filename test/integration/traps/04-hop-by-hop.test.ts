/** Trap 4: hop-by-hop fields go through both ways, and a client's `Connection: close` empties the upstream pool. */
import { respond } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { ask, keepAliveAgent, rawAsk } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

describe('trap 4: hop-by-hop fields', () => {
  it('of a client stay behind, with those that its Connection names', async () => {
    const mock = await upstream()
    const { port } = await serve([mock])
    await rawAsk(
      port,
      'GET / HTTP/1.1\r\nHost: site\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 5\r\n' +
        'TE: trailers\r\nTrailer: X-T\r\nUpgrade: h2c\r\nProxy-Connection: close\r\nX-Kept: 2\r\n' +
        'Proxy-Authorization: Basic eA==\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
    )
    const { headers } = mock.requests[0]!
    // Of TE the member that HTTP itself has a use for goes on.
    expect(headers).toMatchObject({ 'x-kept': '2', connection: 'TE, keep-alive', te: 'trailers' })
    for (const name of [
      'x-secret',
      'keep-alive',
      'trailer',
      'upgrade',
      'proxy-connection',
      'proxy-authorization',
      'http2-settings',
    ])
      expect(headers).not.toHaveProperty(name)
  })

  it('of an upstream stay behind, with those that its Connection names', async () => {
    const mock = await upstream({
      answer: respond({
        headers: {
          Connection: 'close, X-Secret',
          'X-Secret': '1',
          'Keep-Alive': 'timeout=77',
          'Proxy-Connection': 'close',
          Upgrade: 'h2c',
          Trailer: 'X-T',
          'X-Kept': '2',
        },
        body: 'hi',
      }),
    })
    const { port } = await serve([mock])
    const agent = keepAliveAgent()
    const { headers, body } = await ask(port, { agent })
    expect(body).toBe('hi')
    expect(headers).toMatchObject({ 'x-kept': '2', connection: 'keep-alive' })
    for (const name of ['x-secret', 'proxy-connection', 'upgrade', 'trailer'])
      expect(headers).not.toHaveProperty(name)
    expect(headers['keep-alive']).not.toBe('timeout=77')
  })

  it("a client's Connection: close leaves the upstream's connection in the pool", async () => {
    const mock = await upstream()
    const { port } = await serve([mock])
    for (let i = 0; i < 5; i++) {
      await rawAsk(port, 'GET / HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n')
    }
    expect(mock.requests.map(({ connectionId }) => connectionId)).toEqual([1, 1, 1, 1, 1])
  })

  it("an HTTP/1.0 client leaves it there, too, and an upstream's close closes only its own", async () => {
    const mock = await upstream()
    const { port } = await serve([mock])
    for (let i = 0; i < 3; i++) await rawAsk(port, 'GET / HTTP/1.0\r\nHost: site\r\n\r\n')
    expect(mock.requests.map(({ connectionId }) => connectionId)).toEqual([1, 1, 1])
    mock.reply(respond({ headers: { Connection: 'close' } }))
    const agent = keepAliveAgent()
    const ports: (number | undefined)[] = []
    for (let i = 0; i < 3; i++) {
      const { headers } = await ask(port, { agent })
      ports.push(headers.connection === 'keep-alive' ? 1 : 0)
    }
    expect(ports).toEqual([1, 1, 1])
    expect(mock.requests.map(({ connectionId }) => connectionId)).toEqual([1, 1, 1, 1, 2, 3])
  })
})

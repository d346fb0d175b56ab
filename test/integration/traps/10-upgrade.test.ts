/**
 * Trap 10: http-proxy-3's ws pass destroys the client's socket on the first error, accepts nothing but `websocket`, and
 * pipes without a look at half-closed connections. Node 20 to 24 give the body of a request to upgrade away as if it
 * were of the new protocol, and Node never closes a connection that is reset while its FIN is on the way.
 */
import { fakeClock, raw, reset, switchProtocols } from 'evenkeel/testing'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { ask, rawAsk } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'

watchProcess()

const asking = (protocol: string, fields = ''): string =>
  `GET /socket HTTP/1.1\r\nHost: site\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${fields}\r\n`

describe('trap 10: an upgrade is answered in HTTP, never by a torn socket', () => {
  it.each(['websocket', 'h2c', 'foo/1'])('%s, whatever the upstream does', async (protocol) => {
    const mock = await upstream()
    await mock.crash()
    const { port } = await serve([mock])
    const { bytes, ended } = await rawAsk(port, asking(protocol))
    expect(bytes).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n.*\r\n\r\n502 Bad Gateway\n$/s)
    expect(ended).toBe('fin')
  })

  it.each([
    ['resets', reset()],
    ['talks nonsense', raw('garbage\r\n\r\n')],
    ['ends in its head', raw('HTTP/1.1 101 Switching', { close: true })],
    ['switches to another protocol', switchProtocols({ protocol: 'other' })],
  ])('an upstream that %s', async (_, answer) => {
    const mock = await upstream({ answer })
    const { port } = await serve([mock])
    const { bytes, ended } = await rawAsk(port, asking('websocket'))
    expect(bytes).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/)
    expect(ended).toBe('fin')
  })

  it('an upstream that switches although nobody has asked', async () => {
    const mock = await upstream({ answer: switchProtocols({ protocol: 'websocket' }) })
    const { port } = await serve([mock])
    expect(await ask(port)).toMatchObject({ status: 502, whole: true })
  })

  it('any protocol is carried', async () => {
    const mock = await upstream({ answer: switchProtocols() })
    const { port } = await serve([mock])
    const { bytes } = await new Promise<{ bytes: string }>((resolve) => {
      let received = ''
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      socket.setEncoding('latin1')
      socket.on('data', (chunk: string) => {
        received += chunk
        if (received.endsWith('\r\n\r\n')) socket.end('said before the end')
      })
      socket.on('end', () => resolve({ bytes: received }))
      socket.write(asking('foo/1'))
    })
    expect(bytes).toMatch(/^HTTP\/1\.1 101 .*\r\n\r\nsaid before the end$/s)
  })

  it('a body is no part of the new protocol', async () => {
    const mock = await upstream({ answer: switchProtocols() })
    const { port } = await serve([mock])
    const socket = connect(port, '127.0.0.1')
    socket.setEncoding('latin1')
    let received = ''
    const echoed = new Promise<void>((resolve) => {
      socket.on('data', (chunk: string) => {
        received += chunk
        if (received.endsWith('behind it')) resolve()
      })
    })
    socket.write(`${asking('foo', 'Content-Length: 8\r\n')}the bodybehind it`)
    await echoed
    expect(received).toMatch(/^HTTP\/1\.1 101 .*\r\n\r\nbehind it$/s)
    expect(mock.requests[0]!.body.toString()).toBe('the body')
    socket.destroy()
  })

  it('a client that resets in the middle of it harms nobody', async () => {
    const mock = await upstream()
    const { port } = await serve([mock])
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write(asking('websocket'), () => socket.resetAndDestroy())
      })
      socket.on('error', () => undefined)
      socket.on('close', () => resolve())
    })
    await turns()
    expect(await ask(port)).toMatchObject({ whole: true, status: 200 })
  })

  it('a connection that breaks while the other is being closed is not left open', async () => {
    const clock = fakeClock()
    let peer: Socket | undefined
    const mock = await upstream({ answer: switchProtocols({ talk: (socket) => (peer = socket) }) })
    const { port, balancer, over } = await serve([mock], { clock })
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    client.on('error', () => undefined)
    const head = new Promise((resolve) => client.once('data', resolve))
    client.write(asking('foo'))
    await head
    const closed = balancer.close()
    peer?.resetAndDestroy()
    client.resetAndDestroy()
    await over(1)
    await closed
  })
})

describe('trap 10, of Node: a reset while a FIN is on its way', () => {
  it('leaves the connection without an end, as src/message/tunnel.ts says', async () => {
    const events: string[] = []
    await new Promise<void>((resolve) => {
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        socket.on('error', (error: NodeJS.ErrnoException) => void events.push(error.code ?? ''))
        socket.on('close', () => void events.push('close'))
        socket.end()
        socket.resetAndDestroy()
        server.close()
        resolve()
      }).listen(0, '127.0.0.1', () => {
        const { port } = server.address() as AddressInfo
        const client = connect(port, '127.0.0.1')
        client.on('error', () => undefined)
        client.resume()
      })
    })
    await turns(20)
    // The day this is ['close'], the check for a FIN in resetAndDestroy() is no longer needed.
    expect(events).toEqual(['EINVAL'])
  })
})

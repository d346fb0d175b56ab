/** Trap 10: the ws pass destroys the client's socket on the first error and accepts nothing but `websocket`. */
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { ask, rawAsk } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'

watchProcess()

const asking = (protocol: string): string =>
  `GET /socket HTTP/1.1\r\nHost: site\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

describe('trap 10: an upgrade is answered in HTTP, never by a torn socket', () => {
  it.each(['websocket', 'h2c', 'foo/1'])('%s, whatever the upstream does', async (protocol) => {
    const mock = await upstream()
    await mock.crash()
    const { port } = await serve([mock])
    const { bytes, ended } = await rawAsk(port, asking(protocol))
    expect(bytes).toMatch(/^HTTP\/1\.1 50[0-9] /)
    expect(ended).toBe('fin')
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
})

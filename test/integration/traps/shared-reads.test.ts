/** All connections to the peers read into one buffer: what one has brought must not change when another one reads. */
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { connect } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { serve } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

const CONNECTIONS = 6
const BYTES = 1 << 20
/** Of what goes through a tunnel at a time. */
const PIECE = 3000

/** None that a chunk's length is written with. */
const letter = (n: number): string => String.fromCharCode('p'.charCodeAt(0) + n)

/** Answers `/n` with many times the n-th letter, and talks like that after a change of the protocol, too. */
async function talker(): Promise<string> {
  const server = createServer((req, res) => {
    const body = Buffer.alloc(BYTES, letter(Number(req.url?.slice(1))))
    if (Number(req.url?.slice(1)) % 2 === 0) res.setHeader('Content-Length', BYTES)
    res.write(body.subarray(0, BYTES / 2))
    res.end(body.subarray(BYTES / 2))
  })
  server.on('upgrade', (req, socket) => {
    const text = letter(Number(req.url?.slice(1))).repeat(PIECE)
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n${text}`,
    )
    socket.on('data', () => socket.write(text))
    socket.on('end', () => socket.end()).on('error', () => undefined)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

it('Node’s parser gives out copies of what it is given', async () => {
  const shared = Buffer.allocUnsafeSlow(64 * 1024)
  const { port } = new URL(await talker())
  for (const path of ['/0', '/1']) {
    const socket: Socket = connect({
      port: Number(port),
      host: '127.0.0.1',
      onread: {
        buffer: shared,
        callback: (length, bytes): boolean => {
          socket.emit('data', bytes.subarray(0, length))
          return true
        },
      },
    })
    const [response] = (await once(
      request({ path, createConnection: () => socket }).end(),
      'response',
    )) as [IncomingMessage]
    let chunks = 0
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks++
      expect(chunk.buffer).not.toBe(shared.buffer)
    }
    expect(chunks).toBeGreaterThan(1)
  }
})

it('of clients that take their time, each gets its own', async () => {
  const { port } = await serve({ upstream: [await talker()] })
  const bodies = Array.from({ length: CONNECTIONS }, async (_, n) => {
    const socket = connect(port, '127.0.0.1').pause()
    socket.write(`GET /${n} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    // All of them are full before the first of them reads.
    await once(socket, 'connect')
    await new Promise((resolve) => setImmediate(resolve))
    return (await buffer(socket)).toString('latin1')
  })
  for (const [n, text] of (await Promise.all(bodies)).entries()) {
    const at = text.indexOf('\r\n\r\n') + 4
    const body = text
      .slice(at)
      .replace(/(\r\n)?[\da-f]+\r\n/g, '')
      .trimEnd()
    expect(body === letter(n).repeat(BYTES)).toBe(true)
  }
})

it('of tunnels, each gets its own', async () => {
  const { port } = await serve({ upstream: [await talker()] }, {})
  const talks = Array.from({ length: CONNECTIONS }, async (_, n) => {
    const socket = connect(port, '127.0.0.1')
    socket.write(`GET /${n} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n`)
    let heard = ''
    for await (const chunk of socket.setEncoding('latin1') as AsyncIterable<string>) {
      heard += chunk
      const said = heard.slice(heard.indexOf('\r\n\r\n') + 4).length
      if (said >= 5 * PIECE) break
      if (said % PIECE === 0) socket.write('more')
    }
    socket.destroy()
    return heard.slice(heard.indexOf('\r\n\r\n') + 4)
  })
  for (const [n, said] of (await Promise.all(talks)).entries())
    expect(said).toBe(letter(n).repeat(5 * PIECE))
})

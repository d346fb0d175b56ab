/** SIGTERM under load: nothing that was accepted is refused, and the process ends by itself. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'

/** Requests a second, and WebSockets. */
const RATE = 200
const SOCKETS = 50
const BEFORE = RATE * 1.5
/** How long the slow ones take, in milliseconds. */
const SLOW = 300

/**
 * `crossed`: its kept-alive connection was closed while the request was on its way: to be sent again (RFC 9112 9.3.1).
 * `not_accepted`: the server was closed; those that were still in the system's own queue are reset.
 */
type Outcome = 'whole' | 'crossed' | 'not_accepted' | `failed: ${string}`

const peers = [0, 1].map(() => {
  const server = createServer((req, res) => {
    req.resume()
    req.on('end', () => {
      const answer = (): void => void res.end(`answer to ${req.url}`)
      if (req.url?.startsWith('/slow') === true) setTimeout(answer, SLOW)
      else answer()
    })
  })
  new WebSocketServer({ server }).on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  return server
})
let edge: ChildProcess
let url = ''
/** What the edge says in the end: how many requests it has seen. */
let seen = ''

beforeAll(async () => {
  for (const peer of peers) await once(peer.listen(0, '127.0.0.1'), 'listening')
  const urls = peers.map((peer) => `http://127.0.0.1:${(peer.address() as AddressInfo).port}`)
  edge = fork(fileURLToPath(new URL('edge-process.ts', import.meta.url)), urls, {
    execArgv: ['--import', 'tsx', '--conditions=evenkeel-source'],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  edge.stdout?.on('data', (text: Buffer) => (seen += text.toString()))
  ;[url] = (await once(edge, 'message')) as [string]
})

afterAll(() => {
  edge.kill('SIGKILL')
  for (const peer of peers) {
    peer.close()
    peer.closeAllConnections()
  }
})

function ask(n: number, agent: Agent | false): Promise<Outcome> {
  const path = n % 5 === 0 ? `/slow${n}` : `/${n}`
  const method = n % 3 === 0 ? 'POST' : 'GET'
  return new Promise((resolve) => {
    const outgoing = request(url + path, { method, agent })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') resolve('not_accepted')
      else if (error.code === 'ECONNRESET')
        resolve(outgoing.reusedSocket ? 'crossed' : 'not_accepted')
      else resolve(`failed: ${error.message}`)
    })
    outgoing.on('response', (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('error', (error) => resolve(`failed: ${error.message}`))
      response.on('end', () => {
        const whole = response.statusCode === 200 && body === `answer to ${path}`
        resolve(whole ? 'whole' : `failed: ${response.statusCode} ${body}`)
      })
    })
    outgoing.end(method === 'POST' ? 'x'.repeat(1000) : undefined)
  })
}

it('serves all that was accepted, tells WebSockets 1001, and exits', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 20 })
  const sockets = Array.from({ length: SOCKETS }, () => new WebSocket(url.replace('http', 'ws')))
  await Promise.all(sockets.map((socket) => once(socket, 'open')))
  const codes = sockets.map(async (socket) => ((await once(socket, 'close')) as [number])[0])
  for (const socket of sockets) {
    socket.on('message', () => {
      if (socket.readyState === WebSocket.OPEN) socket.send('again')
    })
  }
  let n = 0
  let exited = false
  const outcomes: Promise<Outcome>[] = []
  const exit = once(edge, 'close').then(([code]) => {
    exited = true
    return code as unknown
  })
  // A load needs a rate. It decides nothing: the counts below hold at any.
  let last = performance.now()
  let longestPause = 0
  await new Promise<void>((resolve) => {
    const tick = setInterval(() => {
      longestPause = Math.max(longestPause, performance.now() - last)
      last = performance.now()
      outcomes.push(ask(n, n % 2 === 0 ? agent : false))
      n++
      if (n === BEFORE) {
        for (const socket of sockets.slice(0, 25)) socket.send('talk')
        edge.kill('SIGTERM')
      }
      if (!exited && n < BEFORE * 10) return
      clearInterval(tick)
      resolve()
    }, 1000 / RATE)
  })
  expect(await exit).toBe(0)
  const counts: Record<string, number> = {}
  for (const outcome of await Promise.all(outcomes)) counts[outcome] = (counts[outcome] ?? 0) + 1
  agent.destroy()
  console.log(`shutdown under load: ${JSON.stringify(counts)}`)
  const { whole = 0, crossed = 0, not_accepted: refused = 0, ...failed } = counts
  expect(failed).toEqual({})
  // Not one that the server has seen was refused or cut short.
  expect(Number(seen)).toBe(whole)
  expect(whole).toBeGreaterThanOrEqual(BEFORE - 1)
  // Clients are told to leave for a second: if they have used their connections in it, none is closed under a request.
  expect(crossed).toBeLessThanOrEqual(longestPause < 300 ? 0 : 5)
  expect(whole + crossed + refused).toBe(n)
  expect(await Promise.all(codes)).toEqual(sockets.map(() => 1001))
})

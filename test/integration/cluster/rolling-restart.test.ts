/** examples/cluster: all workers are replaced under load, and no request fails. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'

/** Requests a second. */
const RATE = 200
const root = fileURLToPath(new URL('../../..', import.meta.url))

/** `crossed`: its kept-alive connection was closed while it was on its way, to be sent again (RFC 9112 9.3.1). */
type Outcome = 'whole' | 'crossed' | `failed: ${string}`

const peer = createServer((req, res) => {
  const answer = (): void => void res.end(`answer to ${req.url}`)
  req.resume().on('end', () => {
    if (req.url?.startsWith('/slow') === true) setTimeout(answer, 300)
    else answer()
  })
})
let edge: ChildProcess
const lines: string[] = []
let hear: () => void = () => undefined

/** A line of the edge's output that has this in it. */
async function heard(text: string): Promise<string> {
  for (;;) {
    const at = lines.findIndex((line) => line.includes(text))
    if (at >= 0) return lines.splice(at, 1)[0]!
    await new Promise<void>((resolve) => (hear = resolve))
  }
}

beforeAll(async () => {
  await once(peer.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(peer.address() as AddressInfo).port}`
  edge = spawn(
    process.execPath,
    ['--import', 'tsx', '--conditions=evenkeel-source', 'examples/cluster/main.ts'],
    {
      cwd: root,
      env: { ...process.env, PEERS: url, PORT: '0', WORKERS: '2' },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  createInterface(edge.stdout!).on('line', (line) => {
    lines.push(line)
    hear()
  })
})

afterAll(() => {
  edge.kill('SIGKILL')
  peer.close()
  peer.closeAllConnections()
})

function ask(url: string, n: number, agent: Agent | false): Promise<Outcome> {
  const path = n % 5 === 0 ? `/slow${n}` : `/${n}`
  const method = n % 3 === 0 ? 'POST' : 'GET'
  return new Promise((resolve) => {
    const outgoing = request(url + path, { method, agent })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const crossed = error.code === 'ECONNRESET' && outgoing.reusedSocket
      resolve(crossed ? 'crossed' : `failed: ${error.message}`)
    })
    outgoing.on('response', (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('error', (error) => resolve(`failed: ${error.message}`))
      response.on('end', () => {
        const isWhole = response.statusCode === 200 && body === `answer to ${path}`
        resolve(isWhole ? 'whole' : `failed: ${response.statusCode} ${body}`)
      })
    })
    outgoing.end(method === 'POST' ? 'x'.repeat(1000) : undefined)
  })
}

it('under 200 requests a second no request fails, and SIGTERM ends all of it', async () => {
  const url = /http:\S+/.exec(await heard('2 workers listen'))![0]
  const agent = new Agent({ keepAlive: true, maxSockets: 20 })
  const outcomes: Promise<Outcome>[] = []
  let n = 0
  let last = performance.now()
  let longestPause = 0
  const tick = setInterval(() => {
    longestPause = Math.max(longestPause, performance.now() - last)
    last = performance.now()
    outcomes.push(ask(url, n, n % 2 === 0 ? agent : false))
    n++
  }, 1000 / RATE)
  edge.kill('SIGHUP')
  await heard('all workers are new')
  clearInterval(tick)
  const counts: Record<string, number> = {}
  for (const outcome of await Promise.all(outcomes)) counts[outcome] = (counts[outcome] ?? 0) + 1
  agent.destroy()
  console.log(
    `rolling restart under load: ${JSON.stringify(counts)}, longest pause ${longestPause.toFixed(0)} ms`,
  )
  const { whole = 0, crossed = 0, ...failed } = counts
  expect(failed).toEqual({})
  expect(whole + crossed).toBe(n)
  // Clients are told to leave for a second: if they have used their connections in it, none is closed under a request.
  expect(crossed).toBeLessThanOrEqual(longestPause < 300 ? 0 : 5)
  const exited = once(edge, 'exit')
  edge.kill('SIGTERM')
  expect(await exited).toEqual([0, null])
}, 120_000)

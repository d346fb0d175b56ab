/**
 * Chromium before a TLS edge that speaks HTTP/2, while a peer is killed and started again: a page of many parts, fetch(),
 * server-sent events and WebSockets.
 *
 * What is asked for is short. A response over 64k that has begun when its peer is killed cannot be saved, by anybody; an
 * EventSource is such a one, and connects again by itself.
 */
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { serve } from '../../helpers/serve.js'
import type { Served } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { killAndRestart } from './load.js'
import { twoPeers } from './peer-process.js'

const BINARY = '/usr/bin/chromium'
const isThere = existsSync(BINARY)
if (!isThere) console.warn(`the tests with Chromium are skipped: there is no ${BINARY}`)

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Nothing outside of this machine is asked for anything.
  '--no-proxy-server',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost',
]

/** Milliseconds. A browser takes its time on a busy machine. */
const LONG = 60_000

watchProcess()

const peers = isThere ? twoPeers() : []

let browser: Browser
beforeAll(async () => {
  if (isThere) browser = await chromium.launch({ executablePath: BINARY, args: ARGUMENTS })
}, LONG)
afterAll(async () => {
  if (isThere) await browser.close()
})

/** As `page.html` has it. */
interface PageState {
  parts: number
  partsFailed: number
  fetched: number
  byPeer: Record<string, number>
  failed: string[]
  events: number
  eventErrors: number
  sockets: { peer?: string; echoes: number; closed?: number; wasClean?: boolean }[]
}

interface Stage extends Served {
  readonly page: Page
  /** What the page has seen. */
  state(): Promise<PageState>
  /** Resolves when an expression about `state` is true. */
  until(expression: string): Promise<void>
}

async function stage(): Promise<Stage> {
  const served = await serve(
    { upstream: peers.map(({ url }) => url) },
    { probe: { interval: 100 } },
    { kind: 'http2' },
  )
  const page = await browser.newPage({ ignoreHTTPSErrors: true })
  onTestFinished(() => page.close())
  const response = await page.goto(`https://localhost:${String(served.port)}/page`)
  expect(response?.status()).toBe(200)
  return {
    ...served,
    page,
    state: () => page.evaluate('JSON.parse(JSON.stringify(state))'),
    async until(expression) {
      await page.waitForFunction(expression, undefined, { timeout: 0 })
    },
  }
}

describe.skipIf(!isThere)('Chromium', { timeout: LONG }, () => {
  it('no page notices that a peer is killed, but for its WebSockets to that peer', async () => {
    for (const peer of peers) await peer.prepare()
    const { page, balancer, state, until, finished, errors } = await stage()
    expect(finished.every(({ request }) => request.httpVersion === '2.0')).toBe(true)
    await until('state.socketsReady && state.events > 0')

    await killAndRestart(balancer, peers[0]!)
    await until("state.sockets.every(({ peer, closed }) => peer === 'two' || closed !== undefined)")
    await page.evaluate(
      "state.sockets.forEach(({ peer, say }) => peer === 'two' && say('still there?'))",
    )
    await until("state.sockets.every(({ peer, echoes }) => peer === 'one' || echoes === 1)")
    // And then the one that the events may have come from.
    const { events } = await state()
    await killAndRestart(balancer, peers[1]!)
    await until(`state.events > ${String(events)}`)

    const after = await state()
    expect(after.failed).toEqual([])
    expect(after.partsFailed).toBe(0)
    expect(after.parts).toBeGreaterThan(100)
    expect(after.byPeer['one']).toBeGreaterThan(0)
    expect(after.byPeer['two']).toBeGreaterThan(0)
    expect(await page.textContent('h1')).toMatch(/^\d+ answers$/)
    // Those of the EventSource, which was connected to one of them or to both in turn.
    expect(after.eventErrors).toBeGreaterThan(0)
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['ERR_UPSTREAM_TRUNCATED']))
    expect(errors.length).toBeLessThanOrEqual(2)
  })

  it('close() tells WebSockets that the server goes away', async () => {
    const { page, balancer, state, until } = await stage()
    await until('state.socketsReady')
    // What is asked for after the last answer is a 503, and events never end by themselves.
    await page.evaluate('events.close(), (state.stopped = true)')
    await until('state.asking === 0')
    await balancer.close()
    await until('state.sockets.every(({ closed }) => closed !== undefined)')
    const { sockets, failed } = await state()
    expect(failed).toEqual([])
    for (const socket of sockets) {
      expect(socket).toMatchObject({ closed: 1001, wasClean: true })
    }
  })
})

/**
 * The live page in Chromium, light, dark and on a telephone, while peers are killed and come back: it follows, says so
 * in words, has no errors, and axe-core finds nothing serious. And by keyboard alone.
 */
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import axe from 'axe-core'
import { createBalancer } from 'evenkeel'
import type { Balancer, BalancerOptions } from 'evenkeel'
import { respond } from 'evenkeel/testing'
import type { MockUpstream } from 'evenkeel/testing'
import { chromium } from 'playwright-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { upstreams } from '../../helpers/serve.js'

const BINARY = '/usr/bin/chromium'
const isThere = existsSync(BINARY)
if (!isThere) console.warn(`the tests of the page in Chromium are skipped: there is no ${BINARY}`)

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Nothing outside of this machine is asked for anything.
  '--no-proxy-server',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
]
/** Milliseconds. A browser takes its time on a busy machine; what the page itself needs is well below a second. */
const LONG = 60_000

let browser: Browser
beforeAll(async () => {
  if (isThere) browser = await chromium.launch({ executablePath: BINARY, args: ARGUMENTS })
}, LONG)
afterAll(async () => {
  if (isThere) await browser.close()
})

interface Stage {
  readonly page: Page
  readonly peers: MockUpstream[]
  readonly balancer: Balancer
  readonly server: Server
  readonly url: string
  /** What the page or the browser complained of. */
  readonly complaints: string[]
  /** Asks the balancer so many times. */
  ask(times?: number): Promise<void>
}

async function stage(
  context: BrowserContextOptions = {},
  options: Partial<BalancerOptions> = {},
): Promise<Stage> {
  const peers = await upstreams(3, { answer: respond({ body: 'x' }) })
  const balancer = createBalancer({
    upstream: peers.map(({ url }) => url),
    failTimeout: '10s',
    probe: { interval: 50 },
    ...options,
  })
  const server = createServer((req, res) => {
    if (req.url?.startsWith('/status') === true) balancer.statusPage(req, res)
    else balancer(req, res)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`
  const page = await browser.newPage(context)
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  onTestFinished(async () => {
    await page.close()
    server.close()
    server.closeAllConnections()
    await balancer.close({ timeout: 0 })
  })
  await page.goto(`${url}/status`)
  if (context.javaScriptEnabled !== false) await live(page)
  return {
    page,
    peers,
    balancer,
    server,
    url,
    complaints,
    async ask(times = 3) {
      for (let i = 0; i < times; i++) await (await fetch(`${url}/item`)).text()
    },
  }
}

const live = (page: Page): Promise<unknown> =>
  page.waitForSelector('#contact.live', { timeout: LONG })

const rowOf = (page: Page, peer: MockUpstream, state: string): Promise<unknown> =>
  page.waitForSelector(`tr.${state}[data-key="${peer.address}"]`, { timeout: LONG })

/** What axe-core finds serious, or worse. */
async function seriousIn(page: Page): Promise<unknown> {
  await page.evaluate(axe.source)
  return page.evaluate(
    `axe.run().then(({ violations }) => violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html }) => html) })))`,
  )
}

const LOOKS: Readonly<Record<string, BrowserContextOptions>> = {
  light: { colorScheme: 'light', viewport: { width: 1280, height: 900 } },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 900 } },
  narrow: { colorScheme: 'light', viewport: { width: 360, height: 740 }, reducedMotion: 'reduce' },
}

describe.skipIf(!isThere)('the live page', { timeout: LONG }, () => {
  it.each(Object.entries(LOOKS))(
    '%s: follows peers that are killed and come back',
    async (_look, context) => {
      const { page, peers, complaints, ask } = await stage(context, {
        statusPage: { controls: true },
      })
      const [first, second, third] = peers
      await ask()
      await first!.crash()
      await ask()
      await rowOf(page, first!, 'ejected')
      expect(await page.textContent('#news')).toContain(`${first!.address} is ejected.`)
      expect(await page.textContent(`tr.ejected td[data-label=State]`)).toMatch(
        /✕ ejected\s+connection failed\s+next try/,
      )
      // All of them: an incident, and failed requests.
      await second!.crash()
      await third!.crash()
      await ask(5)
      await page.waitForSelector('[data-key=incident-1]', { timeout: LONG })
      await page.waitForSelector('details[data-key^=failure]', { timeout: LONG })
      await page.click('[data-key=incident-1] summary')
      await page.click('details[data-key^=failure] summary')
      expect(await seriousIn(page)).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)

      await Promise.all(peers.map((peer) => peer.start()))
      for (const peer of peers) await rowOf(page, peer, 'up')
      await page.waitForSelector('#news:has-text(" is up.")', { state: 'attached', timeout: LONG })
      // What the reader has opened stays open.
      expect(await page.getAttribute('[data-key=incident-1]', 'open')).not.toBeNull()
      expect(await seriousIn(page)).toEqual([])
      expect(complaints).toEqual([])
    },
  )

  it('is worked by keyboard alone: drain, up, down after a question, up', async () => {
    const { page, peers, balancer, complaints } = await stage(
      {},
      { statusPage: { controls: true } },
    )
    const [first] = peers
    const peer = balancer.upstream.peers[0]!
    const focused = (): Promise<string | null> =>
      page.evaluate(
        "document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? null",
      )
    for (let i = 0; i < 50 && (await focused()) !== `Drain ${peer.name}`; i++)
      await page.keyboard.press('Tab')
    expect(await focused()).toBe(`Drain ${peer.name}`)
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe(
      'solid',
    )
    await page.keyboard.press('Enter')
    await rowOf(page, first!, 'draining')
    // The same button, by another name.
    expect(await focused()).toBe(`Up ${peer.name}`)
    await page.keyboard.press('Space')
    await rowOf(page, first!, 'up')
    await page.keyboard.press('Tab')
    expect(await focused()).toBe(`Down ${peer.name}`)
    await page.keyboard.press('Enter')
    expect(await page.textContent('#question')).toBe(`Take ${peer.name} down?`)
    expect(await focused()).toBe('Cancel')
    expect(await seriousIn(page)).toEqual([])
    await page.keyboard.press('Escape')
    expect(await focused()).toBe(`Down ${peer.name}`)
    expect(balancer.upstream.status(peer)).toBe('up')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('Take it down')
    await page.keyboard.press('Enter')
    await rowOf(page, first!, 'down')
    expect(balancer.upstream.status(peer)).toBe('down')
    await page.click(`button[data-action=up]`)
    await rowOf(page, first!, 'up')
    expect(complaints).toEqual([])
  })

  it('says when it has lost contact, and finds it again', async () => {
    const { page, server, ask } = await stage()
    server.closeAllConnections()
    const port = (server.address() as AddressInfo).port
    server.close()
    await page.waitForSelector('#contact.lost', { timeout: LONG })
    expect(await page.textContent('#contact')).toMatch(
      /Contact lost; trying again\. This is the state of \d\d:/,
    )
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    await live(page)
    await ask(5)
    await page.waitForSelector('.tile:has-text("5 counted")', { timeout: LONG })
  })

  it('shows the state of the moment without JavaScript', async () => {
    const { page, peers, url, ask } = await stage({ javaScriptEnabled: false })
    await peers[0]!.crash()
    await ask()
    await page.goto(`${url}/status/`)
    expect(await page.textContent('#contact')).toMatch(/^State of \d\d:\d\d:\d\d UTC$/)
    expect(await page.textContent('tr.ejected')).toContain(peers[0]!.address)
    await page.click('footer a')
    expect(page.url()).toBe(`${url}/status/json`)
  })

  it('does not run what strangers write', async () => {
    const { page, peers, url, complaints } = await stage()
    await page.evaluate('window.alert = () => { window.attacked = true }')
    await Promise.all(peers.map((peer) => peer.crash()))
    const attack = `/<img src=x onerror=alert(1)>"'><script>alert(1)</script>`
    for (let i = 0; i < 4; i++)
      await fetch(`${url}${attack}`, { headers: { 'X-Attack': attack } }).catch(() => undefined)
    const shown = await page.waitForSelector('details[data-key^=failure]', { timeout: LONG })
    expect(await shown.textContent()).toContain('GET /')
    expect(await page.evaluate('window.attacked')).toBeUndefined()
    expect(await page.evaluate("document.querySelectorAll('main img, main script').length")).toBe(0)
    expect(complaints).toEqual([])
  })
})

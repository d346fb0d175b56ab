/**
 * Takes the pictures in `docs/status-page.md`: a shop with some traffic, of which one server has just been killed, after
 * an incident that began with two broken orders. Needs Chromium: `tsx --conditions=evenkeel-source` runs it.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createBalancer } from 'evenkeel'
import { createMockUpstream, respond } from 'evenkeel/testing'
import type { MockRequest, MockUpstream } from 'evenkeel/testing'
import { chromium } from 'playwright-core'
import type { BrowserContextOptions } from 'playwright-core'

const docs = fileURLToPath(new URL('../../docs', import.meta.url))
const PATHS = ['/', '/search?q=oak', '/item/1834', '/item/77', '/basket', '/account']

/** A server that takes its time: most are quick, some are not. */
function shop(): Promise<MockUpstream> {
  return createMockUpstream({
    answer: ({ target }: MockRequest) =>
      target.startsWith('/orders/export')
        ? respond({ status: 500, delay: 20 })
        : respond({ body: 'x', delay: 4 + 30 * Math.random() ** 4 }),
  })
}

const servers = await Promise.all([shop(), shop(), shop(), shop()])
const balancer = createBalancer({
  name: 'shop',
  upstream: servers.map(({ url }, i) => ({
    url,
    weight: i === 0 ? 2 : 1,
    backup: i === 3,
    maxConns: 100,
    locality: i < 2 ? 'zone-a' : 'zone-b',
  })),
  // As nginx does it: two orders that no server can export take all of them out.
  preset: 'nginx',
  failTimeout: '8s',
  nextUpstream: { on: ['error', 'timeout', 'http_500'] },
  statusPage: { title: 'Shop', controls: true, history: '1m' },
})
// Read here, so that all is counted from the beginning.
const { statusPage } = balancer
const server = createServer((req, res) => {
  if (req.url?.startsWith('/status') === true) statusPage(req, res)
  else balancer(req, res)
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`

/** Asks for something every few milliseconds, more and less of it in turn. */
let isOpen = true
async function visit(): Promise<void> {
  for (let i = 0; isOpen; i++) {
    const path = PATHS[i % PATHS.length] ?? '/'
    await (await fetch(url + path)).arrayBuffer()
    await pause(15 + 12 * Math.sin(i / 60) + 10 * Math.random())
  }
}
const visitors = Array.from({ length: 4 }, () => visit())

await pause(30_000)
for (const month of [3, 4]) await fetch(`${url}/orders/export?month=${String(month)}`)
await pause(16_000)
await servers[1].crash()
const [, , third] = balancer.upstream.peers
if (third !== undefined) balancer.upstream.drain(third)
await pause(1500)

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server'],
})
const WIDE = { width: 1200, height: 860 }
const LOOKS: Readonly<Record<string, BrowserContextOptions>> = {
  light: { colorScheme: 'light', viewport: WIDE },
  dark: { colorScheme: 'dark', viewport: WIDE },
  narrow: { colorScheme: 'light', viewport: { width: 360, height: 740 } },
}
for (const [look, context] of Object.entries(LOOKS)) {
  const page = await browser.newPage(context)
  await page.goto(`${url}/status`)
  await page.waitForSelector('#contact.live')
  await page.click('[data-key=incident-1] summary')
  await page.evaluate(
    `document.querySelector('${look === 'narrow' ? '.ejected' : 'body'}').scrollIntoView()`,
  )
  await page.screenshot({ path: `${docs}/status-page-${look}.png` })
  await page.close()
}
await browser.close()

isOpen = false
await Promise.all(visitors)
server.close()
server.closeAllConnections()
await balancer.close({ timeout: 1000 })
await Promise.all(servers.map((each) => each.close()))

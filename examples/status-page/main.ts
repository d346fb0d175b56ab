/** Express, with the live page behind a password: `/status`, everything else goes to the peers. */
import { timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createBalancer } from 'evenkeel'
import express from 'express'
import type { NextFunction, Request, Response } from 'express'
import { runAlone } from '../support/run-alone.js'
import type { ExampleOptions, RunningExample } from '../support/run-alone.js'

/** `operator:open-sesame`. Yours comes from where you keep secrets, and over TLS only. */
const ALLOWED = Buffer.from(`Basic ${Buffer.from('operator:open-sesame').toString('base64')}`)

/** Who sees the page can press its buttons: nobody sees it without the password. */
function requireOperator(request: Request, response: Response, next: NextFunction): void {
  const given = Buffer.from(request.headers.authorization ?? '')
  if (given.length === ALLOWED.length && timingSafeEqual(given, ALLOWED)) {
    next()
    return
  }
  response.setHeader('WWW-Authenticate', 'Basic realm="status", charset="UTF-8"')
  response.status(401).send('who are you?')
}

export async function start({ upstream, port }: ExampleOptions): Promise<RunningExample> {
  const balancer = createBalancer({
    name: 'shop',
    upstream,
    statusPage: { title: 'Shop', controls: true },
  })
  const app = express()
  app.use('/status', requireOperator, balancer.statusPage)
  app.use(balancer)

  const server = app.listen(port, '127.0.0.1')
  server.on('upgrade', balancer.upgrade)
  await once(server, 'listening')

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      // Ends the streams of those who watch the page, too.
      await balancer.close({ timeout: 10_000 })
      server.closeIdleConnections()
      await closed
    },
  }
}

await runAlone(import.meta.url, start, 'curl -u operator:open-sesame URL/status/json')

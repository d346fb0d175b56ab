/** Express, with an auth middleware before the balancer: who has no token never reaches a peer. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createBalancer } from 'evenkeel'
import express from 'express'
import type { NextFunction, Request, Response } from 'express'
import { runAlone } from './support/run-alone.js'
import type { ExampleOptions, RunningExample } from './support/run-alone.js'

const USERS = new Map([['Bearer open-sesame', 'ali']])

/** Refuses strangers, and tells the peers who is asking. */
function requireUser(request: Request, response: Response, next: NextFunction): void {
  const user = USERS.get(request.headers.authorization ?? '')
  if (user === undefined) {
    response.status(401).json({ error: 'who are you?' })
    return
  }
  // What middleware writes to `request.headers` is what the peers see. A client cannot set, replace or remove it.
  request.headers['x-user'] = user
  delete request.headers.authorization
  // What it sets on the response stays there, beside what the peer answers.
  response.setHeader('X-Served-For', user)
  next()
}

export async function start({ upstream, port }: ExampleOptions): Promise<RunningExample> {
  const balancer = createBalancer({ upstream })
  const app = express()

  // Express takes the mount path away: /api/orders reaches the peers as /orders. To keep it, mount the balancer with
  // `app.all('/api/*rest', requireUser, balancer)`.
  app.use('/api', requireUser, balancer)

  // Body parsers come after the balancer: then bodies of any size and type stream through untouched, with
  // back-pressure. A parser before it works too, for JSON, forms, text and raw bytes: the balancer sends the parsed
  // body on. It costs memory, and JSON may come out spaced differently. What a parser has read and not kept (a
  // multipart upload, say) cannot be sent: the request is refused at once, with ERR_BODY_CONSUMED.
  app.use(express.json())
  app.post('/login', (request, response) => {
    const { name } = request.body as { name?: string }
    response.json({ welcome: name ?? 'stranger' })
  })

  const server = app.listen(port, '127.0.0.1')
  server.on('upgrade', balancer.upgrade)
  await once(server, 'listening')

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      await balancer.close({ timeout: 10_000 })
      server.closeIdleConnections()
      await closed
    },
  }
}

await runAlone(
  import.meta.url,
  start,
  "curl -i -H 'Authorization: Bearer open-sesame' URL/api/hello",
)

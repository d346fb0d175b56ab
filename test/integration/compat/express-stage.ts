/** One Express app as many are: security headers, an access log, compression, sessions, a login, and then the balancer. */
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import compression from 'compression'
import { createBalancer } from 'evenkeel'
import type { Balancer, BalancerError, BalancerOptions, FinishEvent } from 'evenkeel'
import type { MockUpstream } from 'evenkeel/testing'
import express from 'express'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import session from 'express-session'
import helmet from 'helmet'
import morgan from 'morgan'
import { onTestFinished } from 'vitest'
import { ask } from '../../helpers/clients.js'
import type { Ask, Reply } from '../../helpers/clients.js'

declare module 'express-session' {
  interface SessionData {
    visits: number
  }
}

/** Which of the two that take `res.end` over comes first. */
export type Order = 'compression first' | 'session first'

export const ORDERS: readonly Order[] = ['compression first', 'session first']

export interface AppOptions {
  order?: Order
  balancer?: Omit<BalancerOptions, 'upstream'>
  /** Between the login and the balancer. */
  before?: readonly RequestHandler[]
}

export interface App {
  readonly port: number
  readonly balancer: Balancer
  /** Morgan's: `GET /api/x 200 12`. */
  readonly log: readonly string[]
  readonly finished: readonly FinishEvent[]
  readonly errors: readonly BalancerError[]
  /** Resolves when so many requests are logged and over. */
  over(count: number): Promise<void>
  /** Asks below `/api`, as somebody who is known and accepts gzip. */
  get(path: string, question?: Ask): Promise<Reply>
}

export const TOKEN = 'Bearer open-sesame'

/** Refuses strangers, counts visits in the session, and says who is asking. */
function login(request: Request, response: Response, next: NextFunction): void {
  if (request.headers.authorization !== TOKEN) {
    response.status(401).json({ error: 'who are you?' })
    return
  }
  delete request.headers.authorization
  request.session.visits = (request.session.visits ?? 0) + 1
  response.locals['user'] = 'ali'
  response.setHeader('X-Visits', String(request.session.visits))
  next()
}

/** Starts the app in front of `peers`; it ends with the test. */
export async function expressApp(
  peers: readonly MockUpstream[],
  { order = 'compression first', balancer: options = {}, before = [] }: AppOptions = {},
): Promise<App> {
  const balancer = createBalancer({ ...options, upstream: peers.map(({ url }) => url) })
  const finished: FinishEvent[] = []
  const errors: BalancerError[] = []
  const log: string[] = []
  const waiting = new Set<() => void>()
  const changed = (): void => {
    for (const look of waiting) look()
  }
  balancer.on('finish', (event) => {
    finished.push(event)
    changed()
  })
  balancer.on('error', (error) => void errors.push(error))

  const logger = morgan(':method :url :status :res[content-length]', {
    stream: {
      write(line: string) {
        log.push(line.trim())
        changed()
      },
    },
  })
  const sessions = session({ secret: 'test only', resave: false, saveUninitialized: true })
  const both = [compression(), sessions]
  const app = express()
  app.use(helmet(), logger, ...(order === 'compression first' ? both : both.reverse()))
  app.use('/api', login, ...before, balancer)

  const server = app.listen(0, '127.0.0.1')
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await once(server, 'listening')
  onTestFinished(async () => {
    server.close()
    for (const socket of sockets) socket.destroy()
    await balancer.close({ timeout: 2000 })
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    balancer,
    log,
    finished,
    errors,
    over(count) {
      return new Promise((resolve) => {
        const look = (): void => {
          if (log.length < count || finished.length < count) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      })
    },
    get: (path, question = {}) =>
      ask(port, {
        ...question,
        path: `/api${path}`,
        headers: { authorization: TOKEN, 'accept-encoding': 'gzip', ...question.headers },
      }),
  }
}

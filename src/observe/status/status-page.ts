/** The live page as a request handler. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../clock.js'
import { fastifyHandler } from '../../fastify.js'
import type { FastifyHandler } from '../../fastify.js'
import { answer, refuse, setHead } from './answers.js'
import { control } from './controls.js'
import type { ControlledUpstream } from './controls.js'
import { crossSiteRefusal } from './cross-site.js'
import { PageDocument } from './page/document.js'
import type { StatusSnapshot } from './report.js'
import { routeOf } from './routes.js'
import type { Route } from './routes.js'
import { Watchers } from './watchers.js'

/** Watchers at the same time; one more is answered 503. */
const MOST_WATCHERS = 20

/**
 * The live page (HTML), below it `json` and `events` (server-sent events), and, where `controls` are on,
 * `POST peers/<name>/drain`, `down` and `up`. Who may see it is for whoever mounts it to say.
 */
export interface StatusPage {
  /** For `http`, Connect and Express, at any path. Answers every request itself: `next` is never called. */
  (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void): void
  /** A Fastify route handler, for the path of the page and all below it. */
  readonly fastify: FastifyHandler
}

export interface StatusPageParts {
  readonly source: { snapshot(): StatusSnapshot }
  readonly clock: Clock
  readonly upstream: ControlledUpstream
  readonly controls: 'on' | 'off'
}

export class StatusPageHandler {
  readonly watchers: Watchers
  readonly #parts: StatusPageParts
  readonly #document = new PageDocument()

  constructor(parts: StatusPageParts) {
    this.#parts = parts
    this.watchers = new Watchers(parts.clock, parts.source, MOST_WATCHERS)
  }

  get page(): StatusPage {
    const serve = (req: IncomingMessage, res: ServerResponse): void => {
      this.#handle(req, res)
    }
    const fastify = fastifyHandler((req, res, _body, over) => {
      res.once('close', over)
      this.#handle(req, res)
    })
    return Object.assign(serve, { fastify })
  }

  #handle(req: IncomingMessage, res: ServerResponse): void {
    const url = req.url ?? '/'
    const whole = wholeUrl(req)
    const route = routeOf(url, whole === undefined || whole === url ? 'unknown' : 'below')
    const allowed = route.to === 'control' ? 'POST' : 'GET, HEAD'
    if (route.to === 'nothing') refuse(res, 404, 'There is no such page.')
    else if (!allowed.split(', ').includes(req.method ?? ''))
      refuse(res, 405, `Only ${allowed} is possible here.`, { Allow: allowed })
    else this.#serve(route, req, res)
  }

  #serve(route: Route, req: IncomingMessage, res: ServerResponse): void {
    switch (route.to) {
      case 'page':
        this.#sendPage(req, res)
        return
      case 'json':
        setHead(res, 'application/json; charset=utf-8')
        answer(res, 200, JSON.stringify(this.#parts.source.snapshot()))
        return
      case 'events':
        this.#sendEvents(req, res)
        return
      case 'control':
        this.#control(route, req, res)
        return
      case 'nothing':
    }
  }

  #sendPage(req: IncomingMessage, res: ServerResponse): void {
    setHead(res, 'text/html; charset=utf-8', this.#document.policy)
    const html = this.#document.html(
      this.#parts.source.snapshot(),
      jsonLink(wholeUrl(req) ?? req.url ?? '/'),
    )
    answer(res, 200, html)
  }

  #sendEvents(req: IncomingMessage, res: ServerResponse): void {
    if (!this.watchers.open) {
      const text = 'So many watch already, or the balancer is closed; try again later.'
      refuse(res, 503, text, { 'Retry-After': '10' })
      return
    }
    setHead(res, 'text/event-stream; charset=utf-8')
    // nginx before us would collect them.
    res.setHeader('X-Accel-Buffering', 'no')
    res.statusCode = 200
    if (req.method === 'HEAD') {
      res.end()
      return
    }
    res.write('retry: 1000\n\n')
    this.watchers.add(res)
  }

  #control(
    { peer, action }: Extract<Route, { to: 'control' }>,
    req: IncomingMessage,
    res: ServerResponse,
  ): void {
    const { controls, upstream } = this.#parts
    const refusal = controls === 'off' ? CONTROLS_ARE_OFF : crossSiteRefusal(req)
    if (refusal !== undefined) {
      refuse(res, 403, refusal)
      return
    }
    const state = control(upstream, peer, action)
    if (state === undefined) {
      refuse(res, 404, 'There is no such peer.')
      return
    }
    setHead(res, 'application/json; charset=utf-8')
    answer(res, 200, JSON.stringify({ peer, state }))
  }
}

const CONTROLS_ARE_OFF =
  'The controls are off: createBalancer({ statusPage: { controls: true } }) has them.'

/** As the client wrote it, where somebody has taken the mount off it. */
function wholeUrl(req: IncomingMessage): string | undefined {
  const { originalUrl } = req as { readonly originalUrl?: unknown }
  return typeof originalUrl === 'string' ? originalUrl : undefined
}

/** Relative to the page, whether its path ends with a slash or not; `./`, for a name may look like a scheme. */
function jsonLink(url: string): string {
  const [path = ''] = url.split(/[?#]/, 1)
  const last = path.slice(path.lastIndexOf('/') + 1)
  return last === '' ? './json' : `./${last}/json`
}

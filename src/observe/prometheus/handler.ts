/** `GET /metrics`. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyMetricsReply, MetricsHandler, MetricsRegistry } from './options.js'

export function metricsHandler(registry: MetricsRegistry): MetricsHandler {
  const handle = (
    req: IncomingMessage,
    res: ServerResponse,
    next?: (error?: unknown) => void,
  ): void => {
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.writeHead(405, { Allow: 'GET, HEAD' }).end()
      return
    }
    registry.metrics().then(
      (text) => {
        res.writeHead(200, { 'Content-Type': registry.contentType }).end(text)
      },
      (error: unknown) => {
        if (next !== undefined) next(error)
        // Of the error nothing is told: whoever scrapes is not whoever runs it.
        else res.writeHead(500, { 'Content-Type': 'text/plain' }).end('metrics failed\n')
      },
    )
  }
  return Object.assign(handle, {
    async fastify(_request: unknown, reply: FastifyMetricsReply): Promise<string> {
      const text = await registry.metrics()
      reply.header('Content-Type', registry.contentType)
      return text
    },
  })
}

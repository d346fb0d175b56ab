/** Fastify, with a `preHandler` before the balancer, and bodies that stream through untouched. */
import { createBalancer } from 'evenkeel'
import { fastify } from 'fastify'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { runAlone } from './support/run-alone.js'
import type { ExampleOptions, RunningExample } from './support/run-alone.js'

const USERS = new Map([['Bearer open-sesame', 'ali']])

async function requireUser(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const user = USERS.get(request.headers.authorization ?? '')
  if (user === undefined) {
    await reply.code(401).send({ error: 'who are you?' })
    return
  }
  request.raw.headers['x-user'] = user // for the peers
  reply.header('X-Served-For', user) // for the client
}

export async function start({ upstream, port }: ExampleOptions): Promise<RunningExample> {
  const balancer = createBalancer({ upstream })
  const app = fastify()

  // In a scope of its own, so that the other routes keep Fastify's parsers.
  await app.register(async (scope) => {
    // Hands the stream over unread. Without these two lines Fastify reads JSON and text whole, which the balancer
    // sends on all the same, and answers every other content type with 415.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, payload, done) => {
      done(null, payload)
    })
    scope.all('/*', { preHandler: requireUser }, balancer.fastify)
  })
  app.post('/login', async (request) => ({
    welcome: (request.body as { name?: string }).name ?? 'stranger',
  }))
  app.addHook('onClose', () => balancer.close({ timeout: 10_000 }))

  const url = await app.listen({ port, host: '127.0.0.1' })
  return { url, close: () => app.close() }
}

await runAlone(import.meta.url, start, "curl -i -H 'Authorization: Bearer open-sesame' URL/hello")

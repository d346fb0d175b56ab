/* eslint-disable @typescript-eslint/ban-ts-comment -- these packages are installed in this folder, for the benchmark only */
// @ts-nocheck
import replyFrom from '@fastify/reply-from'
import Fastify from 'fastify'
import { address, CONNECTIONS, forwardedFor, takeTurns, tls, urls } from './support/edge.mjs'

const app = Fastify({ https: tls(), bodyLimit: 16 * 1_048_576 })
app.register(replyFrom, { undici: { connections: CONNECTIONS, pipelining: 1 } })
// Bodies go by as streams, unparsed.
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))

const turn = takeTurns()
const options = {
  rewriteRequestHeaders(request, headers) {
    headers['x-forwarded-for'] = forwardedFor(request.raw)
    return headers
  },
}

app.all('/*', (request, reply) => {
  reply.from(urls[turn()] + request.raw.url, options)
})
await app.listen(address)

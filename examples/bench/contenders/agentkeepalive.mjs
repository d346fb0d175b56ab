/* eslint-disable @typescript-eslint/ban-ts-comment -- these packages are installed in this folder, for the benchmark only */
// @ts-nocheck
/** http.request with agentkeepalive and two pipes: what is written by hand without a library. */
import { request as ask } from 'node:http'
import Agent from 'agentkeepalive'
import { CONNECTIONS, forwardedFor, listen, peers, takeTurns } from './support/edge.mjs'

const agent = new Agent({ maxFreeSockets: CONNECTIONS })
const turn = takeTurns()

listen((request, response) => {
  const { host, port } = peers[turn()]
  const { method, url: path } = request
  const headers = { ...request.headers, 'x-forwarded-for': forwardedFor(request) }
  delete headers.connection
  const outgoing = ask({ agent, host, port, path, method, headers }, (incoming) => {
    const { statusCode, statusMessage, headers } = incoming
    delete headers.connection
    delete headers['keep-alive']
    response.writeHead(statusCode, statusMessage, headers)
    incoming.pipe(response)
  })
  outgoing.on('error', () => response.destroy())
  request.pipe(outgoing)
})

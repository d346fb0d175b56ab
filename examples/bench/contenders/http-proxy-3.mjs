/* eslint-disable @typescript-eslint/ban-ts-comment -- these packages are installed in this folder, for the benchmark only */
// @ts-nocheck
import Agent from 'agentkeepalive'
import httpProxy from 'http-proxy-3'
import { CONNECTIONS, listen, takeTurns, urls } from './support/edge.mjs'

const agent = new Agent({ maxFreeSockets: CONNECTIONS })
const proxy = httpProxy.createProxyServer({ agent, xfwd: true })
const turn = takeTurns()
// Without it, a client that breaks off its WebSocket ends the process.
proxy.on('error', (_error, _request, response) => response.destroy?.())

listen(
  (request, response) => {
    proxy.web(request, response, { target: urls[turn()] }, () => response.destroy())
  },
  (request, socket, head) => {
    proxy.ws(request, socket, head, { target: urls[turn()] }, () => socket.destroy())
  },
)

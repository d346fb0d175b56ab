/* eslint-disable @typescript-eslint/ban-ts-comment -- these packages are installed in this folder, for the benchmark only */
// @ts-nocheck
import { Agent } from 'node:http'
import httpProxy from 'http-proxy'
import { CONNECTIONS, listen, takeTurns, urls } from './support/edge.mjs'

const agent = new Agent({ keepAlive: true, maxFreeSockets: CONNECTIONS })
const proxy = httpProxy.createProxyServer({ agent, xfwd: true })
const turn = takeTurns()

listen(
  (request, response) => {
    proxy.web(request, response, { target: urls[turn()] }, () => response.destroy())
  },
  (request, socket, head) => {
    proxy.ws(request, socket, head, { target: urls[turn()] }, () => socket.destroy())
  },
)

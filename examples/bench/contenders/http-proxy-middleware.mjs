/* eslint-disable @typescript-eslint/ban-ts-comment -- these packages are installed in this folder, for the benchmark only */
// @ts-nocheck
import { Agent } from 'node:http'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { CONNECTIONS, listen, takeTurns, urls } from './support/edge.mjs'

const turn = takeTurns()
const middleware = createProxyMiddleware({
  target: urls[0],
  router: () => urls[turn()],
  agent: new Agent({ keepAlive: true, maxFreeSockets: CONNECTIONS }),
  xfwd: true,
})

listen((request, response) => {
  middleware(request, response, () => response.destroy())
}, middleware.upgrade)

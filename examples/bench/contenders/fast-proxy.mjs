/* eslint-disable @typescript-eslint/ban-ts-comment -- these packages are installed in this folder, for the benchmark only */
// @ts-nocheck
import fastProxy from 'fast-proxy'
import { CONNECTIONS, forwardedFor, listen, takeTurns, urls } from './support/edge.mjs'

const proxies = urls.map((base) =>
  fastProxy({ base, undici: { connections: CONNECTIONS, pipelining: 1 } }),
)
const turn = takeTurns()

const options = {
  rewriteRequestHeaders(request, headers) {
    headers['x-forwarded-for'] = forwardedFor(request)
    return headers
  },
}

listen((request, response) => {
  proxies[turn()].proxy(request, response, request.url, options)
})

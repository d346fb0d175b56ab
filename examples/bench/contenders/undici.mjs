/* eslint-disable @typescript-eslint/ban-ts-comment -- these packages are installed in this folder, for the benchmark only */
// @ts-nocheck
/** undici's dispatch() by hand: raw fields in, raw fields out, no promise, no stream of undici's. */
import { Pool } from 'undici'
import { CONNECTIONS, forwardedFor, listen, takeTurns, urls } from './support/edge.mjs'

const pools = urls.map((url) => new Pool(url, { connections: CONNECTIONS, pipelining: 1 }))
const turn = takeTurns()

const HOP = /^(connection|keep-alive|transfer-encoding|host|x-forwarded-for|expect)$/i

function requestFields(request) {
  const { rawHeaders } = request
  const fields = []
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (!HOP.test(rawHeaders[i])) fields.push(rawHeaders[i], rawHeaders[i + 1])
  fields.push('host', request.headers.host ?? '', 'x-forwarded-for', forwardedFor(request))
  return fields
}

class Handler {
  resume = null

  constructor(response) {
    this.response = response
  }

  onConnect() {}

  onHeaders(status, headers, resume, message) {
    const fields = []
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i].latin1Slice()
      const { length } = name
      // Connection and Keep-Alive have ten letters, Transfer-Encoding has seventeen.
      if ((length === 10 || length === 17) && HOP.test(name)) continue
      fields.push(name, headers[i + 1].latin1Slice())
    }
    this.resume = resume
    this.response.writeHead(status, message, fields)
    return true
  }

  onData(chunk) {
    const ready = this.response.write(chunk)
    if (!ready) this.response.once('drain', this.resume)
    return ready
  }

  onComplete() {
    this.response.end()
  }

  onError(error) {
    this.response.destroy(error)
  }
}

listen((request, response) => {
  const { method, url: path } = request
  const body = method === 'GET' || method === 'HEAD' ? null : request
  const headers = requestFields(request)
  pools[turn()].dispatch({ path, method, headers, body }, new Handler(response))
})

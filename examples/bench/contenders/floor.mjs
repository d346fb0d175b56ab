/* eslint-disable @typescript-eslint/ban-ts-comment -- these packages are installed in this folder, for the benchmark only */
// @ts-nocheck
/**
 * The floor: raw sockets by hand behind a Node server, as little as can be done in JavaScript without an HTTP client.
 * It trusts its upstream, keeps no limits, knows Content-Length only, and has no back-pressure. Not for use.
 */
import { connect } from 'node:net'
import { forwardedFor, listen, peers, takeTurns } from './support/edge.mjs'

class Connection {
  response = null
  left = 0
  early = ''

  constructor({ host, port }, idle) {
    this.idle = idle
    this.socket = connect(port, host)
    this.socket.setNoDelay(true)
    this.socket.on('data', (bytes) => this.take(bytes))
    this.socket.on('error', () => {})
    this.socket.on('close', () => this.response?.destroy())
  }

  take(bytes) {
    if (this.left > 0) return this.body(bytes)
    const text = this.early + bytes.latin1Slice(0, bytes.length)
    const end = text.indexOf('\r\n\r\n')
    if (end === -1) {
      this.early = text
      return
    }
    const from = end + 4 - this.early.length
    this.early = ''
    this.head(text.slice(0, end).split('\r\n'))
    this.body(bytes.subarray(from))
  }

  head(lines) {
    const fields = []
    for (let i = 1; i < lines.length; i++) {
      const colon = lines[i].indexOf(':')
      const name = lines[i].slice(0, colon)
      const value = lines[i].slice(colon + 2)
      const { length } = name
      if (length === 10 && /^(connection|keep-alive)$/i.test(name)) continue
      if (length === 14 && /^content-length$/i.test(name)) this.left = Number(value)
      fields.push(name, value)
    }
    this.response.writeHead(Number(lines[0].slice(9, 12)), lines[0].slice(13), fields)
  }

  body(bytes) {
    const { response } = this
    this.left -= bytes.length
    if (this.left > 0) {
      response.write(bytes)
      return
    }
    this.response = null
    this.idle.push(this)
    response.end(bytes)
  }
}

const idle = peers.map(() => [])
const turn = takeTurns()

listen((request, response) => {
  const peer = turn()
  const connection = idle[peer].pop() ?? new Connection(peers[peer], idle[peer])
  connection.response = response
  const { rawHeaders, method } = request
  let head = `${method} ${request.url} HTTP/1.1\r\n`
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]
    if (/^(connection|x-forwarded-for)$/i.test(name)) continue
    head += `${name}: ${rawHeaders[i + 1]}\r\n`
  }
  connection.socket.write(`${head}X-Forwarded-For: ${forwardedFor(request)}\r\n\r\n`, 'latin1')
  if (method !== 'GET') request.on('data', (bytes) => connection.socket.write(bytes))
})

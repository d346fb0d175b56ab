/**
 * What all Node contenders share: where to listen, and whom to ask. The benchmark says so by the environment:
 * BENCH_PORT, BENCH_PEERS (`127.0.0.1:9101,127.0.0.1:9102`), BENCH_TLS (a PEM file with key and certificate, or empty).
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'

/** Enough for every scenario: nobody ever waits for a connection. */
export const CONNECTIONS = 2048

const port = Number(process.env.BENCH_PORT)
const pem = process.env.BENCH_TLS ?? ''

/** `[{ host, port }]` */
export const peers = (process.env.BENCH_PEERS ?? '').split(',').map((peer) => {
  const [host = '', port = ''] = peer.split(':')
  return { host, port: Number(port) }
})

export const urls = peers.map(({ host, port }) => `http://${host}:${port}`)

/** @returns {() => number} round robin: 0, 1, 0, 1 … */
export function takeTurns() {
  let next = 0
  return () => {
    const turn = next
    next = turn + 1 === peers.length ? 0 : turn + 1
    return turn
  }
}

/** @returns {{ key: Buffer, cert: Buffer } | null} */
export function tls() {
  if (pem === '') return null
  const file = readFileSync(pem)
  return { key: file, cert: file }
}

/**
 * The edge server of a contender.
 * @param {import('node:http').RequestListener} handler
 * @param {(request: import('node:http').IncomingMessage, socket: import('node:stream').Duplex, head: Buffer) => void} [onUpgrade]
 */
export function listen(handler, onUpgrade) {
  const secure = tls()
  const server = secure === null ? createServer(handler) : createTlsServer(secure, handler)
  if (onUpgrade !== undefined) server.on('upgrade', onUpgrade)
  server.listen({ port, host: '127.0.0.1', backlog: 4096 })
}

/** Where contenders listen that make their server themselves. */
export const address = { port, host: '127.0.0.1', backlog: 4096 }

/**
 * What X-Forwarded-For becomes, as nginx's $proxy_add_x_forwarded_for does it.
 * @param {import('node:http').IncomingMessage} request
 */
export function forwardedFor(request) {
  const before = request.headers['x-forwarded-for']
  const client = request.socket.remoteAddress ?? ''
  return before === undefined ? client : `${String(before)}, ${client}`
}

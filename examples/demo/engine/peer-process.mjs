/**
 * A real upstream server, in a process of its own: plain Node, no loader.
 *
 * `GET` is answered with the bytes that the request's id stands for, `POST` with the digest of its body. Each POST
 * is written to a log when it is carried out, *before* it is answered: what has been run is known even of a peer
 * that is killed in that moment. `/poison/…` are the URLs on which the application itself is broken.
 *
 * @typedef {{ do: 'listen', port: number } | { do: 'idle', ms: number, announced: boolean }
 *   | { do: 'block', ms: number } | { do: 'ping' }} Command
 * @typedef {{ is: 'ready' } | { is: 'listening' } | { is: 'refused', code: string } | { is: 'alive' }
 *   | { is: 'stalled', from: number, to: number }} Report
 */
import { openSync, writeSync } from 'node:fs'
import { createServer } from 'node:http'
import { now, watchStalls } from './monotonic.mjs'
import { bytesOf, isChunked, serviceTimeOf, sha256 } from './payload.mjs'

const HEADER_OF_20_KB = 'x'.repeat(20_000)
const HALF = 5_000

const log = openSync(String(process.argv[2]), 'a')
/** Limit for idle kept-alive connections, in milliseconds; 0 is none. */
let idleLimit = 0
/** Told of by Node's own `Keep-Alive` header, and kept by Node's own timer; else the connection is simply gone. */
let announced = false
/**
 * The end of a connection is on its way for so long, in milliseconds, as it would be on a network: what arrives
 * meanwhile finds the connection closed. Loopback by itself is too quick for anything to cross.
 */
const LATENCY = 15
/** @type {WeakMap<import('node:net').Socket, { since: number, timer: NodeJS.Timeout | undefined }>} */
const idle = new WeakMap()

const server = createServer(serve)
server.keepAliveTimeout = 0
if ('keepAliveTimeoutBuffer' in server) server.keepAliveTimeoutBuffer = 0

/** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
function serve(request, response) {
  const { socket } = request
  if (isClosed(socket)) return void socket.destroy()
  response.on('finish', () => closeWhenIdle(socket))
  response.setHeader('x-peer', String(socket.localPort))
  const id = String(request.headers['x-request-id'])
  if (request.url?.startsWith('/poison/')) poisoned(request.url.slice(8), id, request, response)
  else if (request.method === 'POST') carryOut(id, request, response)
  else setTimeout(() => answer(200, id, bytesOf(id), response), serviceTimeOf(id))
}

/** @param {import('node:net').Socket} socket */
function closeWhenIdle(socket) {
  if (idleLimit === 0) return
  const timer = announced ? undefined : setTimeout(() => socket.destroy(), idleLimit + LATENCY)
  idle.set(socket, { since: now(), timer })
}

/** Its limit has passed, and only the news of that has not arrived yet. @param {import('node:net').Socket} socket */
function isClosed(socket) {
  const state = idle.get(socket)
  if (state === undefined) return false
  clearTimeout(state.timer)
  idle.delete(socket)
  return idleLimit > 0 && now() - state.since >= idleLimit
}

/** @param {number} status @param {string} id @param {Buffer} bytes @param {import('node:http').ServerResponse} response */
function answer(status, id, bytes, response) {
  if (!isChunked(id)) response.setHeader('content-length', bytes.length)
  response.writeHead(status)
  if (isChunked(id)) response.write(bytes.subarray(0, bytes.length >> 1))
  response.end(isChunked(id) ? bytes.subarray(bytes.length >> 1) : bytes)
}

/** @param {string} id @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
function carryOut(id, request, response) {
  /** @type {Buffer[]} */
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('error', () => {}) // cut off: never carried out
  request.on('end', () => {
    const digest = sha256(Buffer.concat(chunks))
    const right = digest === request.headers['x-sha256']
    writeSync(log, `${right ? 'done' : 'garbled'} ${id}\n`)
    setTimeout(
      () => answer(right ? 200 : 400, id, Buffer.from(digest), response),
      serviceTimeOf(id),
    )
  })
}

/** @param {string} kind @param {string} id @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
function poisoned(kind, id, request, response) {
  if (kind === '500') answer(500, id, bytesOf(id), response)
  else if (kind === 'drop') request.socket.destroy()
  else if (kind === 'header') response.setHeader('x-too-long', HEADER_OF_20_KB).end('never seen')
  else if (kind === 'half') dieInMidBody(id, response)
  else if (kind !== 'hang') answer(404, id, Buffer.alloc(0), response)
}

/** @param {string} id @param {import('node:http').ServerResponse} response */
function dieInMidBody(id, response) {
  if (!isChunked(id)) response.setHeader('content-length', 2 * HALF)
  response.writeHead(200)
  response.write(Buffer.alloc(HALF, 'h'), () => setTimeout(() => response.destroy(), 20))
}

/** @param {Command} command */
function obey(command) {
  if (command.do === 'listen') server.listen(command.port, '127.0.0.1')
  else if (command.do === 'ping') tell({ is: 'alive' })
  else if (command.do === 'block') {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, command.ms)
  } else {
    idleLimit = command.ms
    announced = command.announced
    server.keepAliveTimeout = announced ? idleLimit + LATENCY : 0
  }
}

/** @param {Report} report */
function tell(report) {
  if (process.connected) process.send?.(report, undefined, undefined, () => {})
}

server.on('listening', () => tell({ is: 'listening' }))
server.on('error', (error) => tell({ is: 'refused', code: String(Reflect.get(error, 'code')) }))
process.on('message', (command) => obey(/** @type {Command} */ (command)))
process.on('disconnect', () => process.exit()) // whoever started it is gone
process.on('SIGINT', () => {}) // Ctrl-C is for the one who started it
watchStalls((from, to) => tell({ is: 'stalled', from, to }))
tell({ is: 'ready' })

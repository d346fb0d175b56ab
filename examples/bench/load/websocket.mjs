/**
 * WebSocket clients that each send a message, wait for its echo, and send the next.
 * `node websocket.mjs <port> <connections> <seconds> <bytes>`; ends with the line that wrk's script ends with.
 */
import { WebSocket } from 'ws'

const [port = 0, connections = 0, seconds = 0, bytes = 0] = process.argv.slice(2).map(Number)
const message = Buffer.alloc(bytes, 'x')
const errors = { connect: 0, read: 0, write: 0, timeout: 0, status: 0 }

/** Microseconds, one for each echo. @type {number[]} */
const times = []
let running = true

const now = () => performance.now() * 1000

/** @returns {Promise<WebSocket | undefined>} */
function open() {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/echo`, { perMessageDeflate: false })
  return new Promise((resolve) => {
    socket.once('open', () => resolve(socket))
    socket.once('error', () => {
      errors.connect++
      resolve(undefined)
    })
  })
}

/** @param {WebSocket} socket */
function exchange(socket) {
  let sent = 0
  const send = () => {
    sent = now()
    socket.send(message)
  }
  socket.on('message', (data) => {
    times.push(now() - sent)
    if (!message.equals(/** @type {Buffer} */ (data))) errors.status++
    if (running) send()
  })
  socket.on('error', () => errors.read++)
  socket.on('close', () => running && errors.read++)
  send()
}

const sockets = (await Promise.all(Array.from({ length: connections }, open))).filter(
  (socket) => socket !== undefined,
)
const start = now()
for (const socket of sockets) exchange(socket)

setTimeout(() => {
  running = false
  const micros = now() - start
  times.sort((a, b) => a - b)
  /** @param {number} share */
  const percentile = (share) => Math.round(times[Math.floor(times.length * share)] ?? 0)
  const { connect, read, write, timeout, status } = errors
  const counts = [times.length, Math.round(micros), times.length * bytes]
  const percentiles = [percentile(0.5), percentile(0.99), percentile(0.999)]
  console.log(['bench', ...counts, ...percentiles, connect, read, write, timeout, status].join(' '))
  process.exit(0)
}, seconds * 1000)

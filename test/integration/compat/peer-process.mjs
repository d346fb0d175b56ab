/**
 * A real upstream server in a process of its own, so that it can be killed as processes are: plain Node, no loader.
 * It answers short and long things, sends events, and speaks WebSocket and, if it is told to, socket.io.
 *
 * Arguments: its name, and `socket.io` to have that too. It listens where it is told to (`{ listen: port }`), says
 * `'listening'` or `'refused'`, and ends with the process that has started it.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { gzipSync } from 'node:zlib'
import { WebSocketServer } from 'ws'

const name = String(process.argv[2])
const MEGABYTES = Buffer.alloc(5 << 20, 'five megabytes of this. ')
const PAGE = readFileSync(new URL('page.html', import.meta.url))

/** @type {Set<import('node:http').ServerResponse>} */
const listeners = new Set()
let events = 0

const server = createServer((request, response) => {
  const { pathname } = new URL(String(request.url), 'http://peer')
  if (pathname.startsWith('/socket.io/')) return // not ours
  response.setHeader('x-peer', name)
  const answer = ROUTES[pathname.replace(/[0-9]+$/, '')]
  if (answer === undefined) response.writeHead(404).end()
  else answer(request, response)
})

/** @type {Record<string, (request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => void>} */
const ROUTES = {
  '/short': (request, response) => {
    // Each request is an event for those who listen.
    for (const listener of listeners) listener.write(`id: ${++events}\ndata: ${name}\n\n`)
    const body = JSON.stringify({ peer: name, url: request.url })
    response.setHeader('content-type', 'application/json')
    response.setHeader('content-length', body.length)
    response.end(body)
  },
  '/long': (_request, response) => {
    response.setHeader('content-length', MEGABYTES.length)
    response.end(MEGABYTES)
  },
  '/encoded': (_request, response) => {
    const body = gzipSync(MEGABYTES)
    response.setHeader('content-encoding', 'gzip')
    response.setHeader('content-length', body.length)
    response.end(body)
  },
  '/digest': (request, response) => {
    const digest = createHash('sha256')
    request.on('data', (/** @type {Buffer} */ chunk) => digest.update(chunk))
    request.on('end', () => response.end(`${String(request.method)} ${digest.digest('hex')}`))
  },
  '/hints': (_request, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' }, () => {
      response.end('hinted')
    })
  },
  '/trailers': (_request, response) => {
    response.setHeader('trailer', 'X-Digest')
    response.write('a body, ')
    response.addTrailers({ 'X-Digest': 'abc' })
    response.end('and a trailer')
  },
  '/events': (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write(`retry: 20\nid: ${events}\ndata: ${name}\n\n`)
    listeners.add(response)
    response.on('close', () => listeners.delete(response))
  },
  '/page': (_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(PAGE)
  },
  // A script without a cache: each is asked for.
  '/part': (_request, response) => {
    response.setHeader('content-type', 'text/javascript')
    response.setHeader('cache-control', 'no-store')
    response.end('state.parts++')
  },
}

const sockets = new WebSocketServer({ noServer: true })
sockets.on('headers', (headers) => headers.push(`X-Peer: ${name}`))
server.on('upgrade', (request, socket, head) => {
  if (request.url?.startsWith('/socket.io/')) return
  sockets.handleUpgrade(request, socket, head, (client) => {
    client.send(`hello from ${name}`)
    client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }))
  })
})

if (process.argv[3] === 'socket.io') {
  const { Server } = await import('socket.io')
  new Server(server).on('connection', (socket) => {
    socket.emit('hello', name)
    socket.on('echo', (text, done) => done(text, name))
  })
}

server.on('listening', () => process.send?.('listening'))
server.on('error', () => process.send?.('refused'))
process.on('message', (/** @type {{ listen: number }} */ { listen }) => {
  server.listen(listen, '127.0.0.1')
})
process.on('disconnect', () => process.exit())
process.send?.('ready')

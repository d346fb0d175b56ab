/** The upstream of the scenario `websocket`: sends every message back. `node echo.mjs <port> <port> …` */
import { WebSocketServer } from 'ws'

for (const port of process.argv.slice(2).map(Number)) {
  const server = new WebSocketServer({ host: '127.0.0.1', port, perMessageDeflate: false })
  server.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }))
    socket.on('error', () => socket.terminate())
  })
}

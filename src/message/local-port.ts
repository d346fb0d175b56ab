/** The port that a client has come to, without what Node would keep for each connection that is asked. */
import type { Server, Socket } from 'node:net'

const kPort = Symbol('evenkeel.port')

type ListeningServer = Server & { [kPort]?: number | undefined }

/** Node writes both. `server` may be another one: `emit('connection', socket)` hands connections on. */
interface Accepted {
  readonly server?: ListeningServer | null
  readonly _server?: ListeningServer | null
}

/**
 * `socket.localPort`; but Node keeps an object with the whole address for each socket that is asked for it, and that is
 * about 4 % of an idle connection. What a server has accepted itself has come to its port.
 */
export function localPort(socket: Socket): number | undefined {
  const { server, _server: acceptedBy } = socket as Accepted
  if (server === null || server === undefined || server !== acceptedBy) return socket.localPort
  return server[kPort] ?? learnPort(server) ?? socket.localPort
}

/** undefined: it listens on a unix socket, or no longer. */
function learnPort(server: ListeningServer): number | undefined {
  const address = server.address()
  if (address === null || typeof address === 'string') return undefined
  server[kPort] = address.port
  // It may be closed, and opened again elsewhere.
  server.once('listening', () => {
    server[kPort] = undefined
  })
  return address.port
}

/** Clients that have asked once and keep their connections. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** Requests under way at once: the pool of the balancer is not to grow with the clients. */
const AT_ONCE = 50
const REQUEST = 'GET /small HTTP/1.1\r\nHost: bench\r\nAccept: */*\r\n\r\n'
/** What both the bare server and the upstream answer with ends so: a body of `Content-Length` bytes. */
const LENGTH = /\r\ncontent-length: (\d+)\r\n/i

export async function idleConnections(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  const open = async (): Promise<void> => {
    while (sockets.length < count) {
      const socket = connect(port, '127.0.0.1')
      sockets.push(socket)
      await asked(socket)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, open))
  return sockets
}

/** Resolves when a request has been answered in full. */
function asked(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const onData = (chunk: Buffer): void => {
      answer += chunk.toString('latin1')
      if (!isWhole(answer)) return
      socket.off('data', onData)
      socket.off('close', onClose)
      if (answer.startsWith('HTTP/1.1 200 ')) resolve()
      else reject(new Error(`not served: ${answer.slice(0, 40)}`))
    }
    const onClose = (): void => reject(new Error('the server has closed a connection'))
    socket.on('data', onData)
    socket.once('close', onClose)
    socket.on('error', reject)
    socket.write(REQUEST)
  })
}

export function isWhole(answer: string): boolean {
  const head = answer.indexOf('\r\n\r\n')
  if (head === -1) return false
  const length = Number(LENGTH.exec(answer.slice(0, head + 2))?.[1] ?? NaN)
  return answer.length - head - 4 >= length
}

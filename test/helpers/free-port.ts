/** Ports for servers that others start. */
import { once } from 'node:events'
import { createServer } from 'node:net'

let asked = 0

/**
 * Below the range that the system hands out by itself: a port that was free a moment ago would else be given to the
 * next mock upstream, or to another server that is started at the same time.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + ((process.pid * 37 + asked++ * 11) % 20_000)
    const server = createServer().listen(port, '127.0.0.1')
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (!free) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

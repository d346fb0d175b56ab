/** What the examples share: their shape, and a way to try each by itself in front of two small servers. */
import { realpathSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

export interface ExampleOptions {
  /** Where the application's servers listen. */
  upstream: readonly string[]
  /** Port to listen on, on the loopback interface; 0 is any free one. */
  port: number
}

export interface RunningExample {
  readonly url: string
  close(): Promise<void>
}

/** Called at the end of each example: does nothing unless the example itself is what Node was told to run. */
export async function runAlone(
  moduleUrl: string,
  start: (options: ExampleOptions) => Promise<RunningExample>,
  request = 'curl -i URL/hello',
): Promise<void> {
  const script = process.argv[1]
  if (script === undefined || realpathSync(script) !== fileURLToPath(moduleUrl)) return
  const servers = await Promise.all([startServer('one'), startServer('two')])
  const example = await start({
    upstream: servers.map(({ url }) => url),
    port: Number(process.env['PORT'] ?? 8080),
  })
  // Before anybody is told that it runs: who reads that may end it at once.
  process.once('SIGINT', () => {
    void example.close().then(() => {
      for (const { server } of servers) server.close()
    })
  })
  console.log(`listening on ${example.url}; try it, and stop it with Ctrl-C:`)
  console.log(`  ${request.replace('URL', example.url)}`)
}

/** An application server of a few lines: says who it is and what it was asked. */
async function startServer(name: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method, url, headers } = request
      const body = Buffer.concat(chunks).toString()
      response.setHeader('content-type', 'application/json')
      response.end(
        `${JSON.stringify({ server: name, method, url, headers, body }, undefined, 2)}\n`,
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

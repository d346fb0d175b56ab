/** Clients that are connected and say nothing, or half a head, do not keep an example from ending. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { connect as connectTls } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))

describe.concurrent.each(['plain-http', 'https-edge', 'graceful-shutdown'])(
  'examples/%s.ts',
  (name) => {
    it('ends when it is told to, whoever is still connected', async ({ expect }) => {
      const child = spawn(
        process.execPath,
        ['--import', 'tsx', '--conditions=evenkeel-source', `examples/${name}.ts`],
        { cwd: root, env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] },
      )
      const clients: Socket[] = []
      try {
        const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
        const { port, protocol } = new URL(/https?:\/\/[\w.]+:\d+/.exec(line)?.[0] ?? '')
        const client = async (bytes: string): Promise<void> => {
          const socket = connect(Number(port), '127.0.0.1')
          clients.push(socket)
          socket.on('error', () => undefined)
          await once(socket, 'connect')
          if (protocol === 'https:' && bytes !== '') {
            const tls = connectTls({ socket, rejectUnauthorized: false })
            tls.on('error', () => undefined)
            await once(tls, 'secureConnect')
            tls.write(bytes)
          } else socket.write(bytes)
        }
        await client('')
        await client('GET / HT')
        await client('GET / HTTP/1.1\r\nHost: a\r\n')
        child.kill('SIGINT')
        expect(await once(child, 'exit')).toEqual([0, null])
      } finally {
        for (const socket of clients) socket.destroy()
        child.kill('SIGKILL')
      }
    })
  },
)

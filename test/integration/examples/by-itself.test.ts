/** Each example runs as the README says, and ends when it is told to. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'
import { ask } from './harness.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const authorization = 'Bearer open-sesame'

describe.concurrent.each([
  ['plain-http', '/hello', '/hello'],
  ['https-edge', '/hello', '/hello'],
  ['graceful-shutdown', '/hello', '/hello'],
  ['express-auth', '/api/hello', '/hello'],
  ['fastify-prehandler', '/hello', '/hello'],
  ['custom-selector', '/hello', '/hello'],
  ['status-page/main', '/hello', '/hello'],
])('examples/%s.ts', (name, path, target) => {
  it('starts, serves and stops', async ({ expect }) => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--conditions=evenkeel-source', `examples/${name}.ts`],
      { cwd: root, env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] },
    )
    try {
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
      const url = /https?:\/\/[\w.]+:\d+/.exec(line)?.[0] ?? ''
      const reply = await ask(url + path, { headers: { authorization } })
      expect(reply.status).toBe(200)
      expect(JSON.parse(reply.body.toString())).toMatchObject({ method: 'GET', url: target })
      child.kill('SIGINT')
      expect(await once(child, 'exit')).toEqual([0, null])
    } finally {
      child.kill('SIGKILL')
    }
  })
})

/** Trap 6: `xfwd` changes the request's headers on every attempt: `x-forwarded-for: a,a,a`. */
import { reset, respond } from 'evenkeel/testing'
import { expect, it } from 'vitest'
import { ask } from '../../helpers/clients.js'
import { serve, upstreams } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

it.each([
  ['of its own', {}, '127.0.0.1'],
  ['with a trusted list before it', { trustProxy: true }, '192.0.2.7, 127.0.0.1'],
])('trap 6: three attempts carry the same forwarded fields: %s', async (_name, options, list) => {
  const mocks = await upstreams(3)
  mocks[0]!.reply(respond({ status: 503 }))
  mocks[1]!.reply(reset())
  let headersAfter: unknown
  let headersBefore: unknown
  const { port } = await serve(mocks, options, {
    before(req, res) {
      headersBefore = structuredClone(req.headers)
      res.on('close', () => (headersAfter = structuredClone(req.headers)))
    },
  })
  const headers = { 'X-Forwarded-For': '192.0.2.7', Host: 'site.example' }
  expect(await ask(port, { headers })).toMatchObject({ whole: true, status: 200 })
  const lists = mocks.map(({ requests }) => requests[0]!.headers['x-forwarded-for'])
  expect(lists).toEqual([list, list, list])
  const [first, ...others] = mocks.map(({ requests }) => requests[0]!.rawHeaders)
  for (const other of others) expect(other).toEqual(first)
  await expect.poll(() => headersAfter).toEqual(headersBefore)
})

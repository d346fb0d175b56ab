/** What a kept connection must not carry over from the request before to the next. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, it } from 'vitest'
import { ask } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

it('a listener sees its own request’s async context, whichever request opened the connection', async () => {
  const store = new AsyncLocalStorage<number>()
  const mock = await upstream()
  let count = 0
  const before = (): void => {
    store.enterWith(++count)
  }
  const { balancer, port, over } = await serve([mock], {}, { before })
  const seen: (number | undefined)[] = []
  balancer.on('finish', () => {
    seen.push(store.getStore())
  })
  for (let i = 1; i <= 3; i++) {
    await ask(port)
    await over(i)
  }
  expect(mock.requests.map(({ connectionId }) => connectionId)).toEqual([1, 1, 1])
  expect(seen).toEqual([1, 2, 3])
})

/** A response that is in memory goes out at the end of the event loop's turn. Meanwhile things may happen. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage, RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { createBalancer } from '../../../src/index.js'
import type { Balancer, Transport } from '../../../src/index.js'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** Answers in the same turn; with a body that cannot be had for `/broken`. */
const transport: Transport = {
  name: 'at once',
  roundTrip: () => Promise.reject(new Error('start() is there')),
  start({ head }, _signal, settle) {
    const whole = Buffer.from(head.target)
    const rawHeaders = ['content-length', String(whole.length)]
    settle({
      kind: 'response',
      response: {
        status: 200,
        statusMessage: 'OK',
        rawHeaders,
        isWhole: true,
        get whole() {
          if (head.target === '/broken') throw new Error('it is gone')
          return whole
        },
        start: () => undefined,
        resume: () => undefined,
        discard: () => undefined,
      },
    })
  },
  close: () => Promise.resolve(),
}

interface Observed {
  readonly balancer: Balancer
  readonly statuses: number[]
  readonly outcomes: string[]
  readonly errors: string[]
  readonly finished: Promise<unknown>
}

function balancerOf(): Observed {
  const balancer = createBalancer({ upstream: ['http://127.0.0.1:1'], transport })
  const statuses: number[] = []
  const outcomes: string[] = []
  const errors: string[] = []
  balancer.on('error', ({ code }) => errors.push(code))
  const finished = new Promise((resolve) => {
    balancer.on('finish', ({ status, attempts }) => {
      statuses.push(status)
      outcomes.push(...attempts.map(({ outcome }) => outcome))
      resolve(undefined)
    })
  })
  cleanUps.push(() => balancer.close())
  return { balancer, statuses, outcomes, errors, finished }
}

async function ask(listener: RequestListener, path = '/a'): Promise<string> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const sent = request({ port, path, host: '127.0.0.1', agent: false }).end()
  try {
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    let body = ''
    for await (const chunk of response) body += String(chunk)
    return body
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? ''
  }
}

it('goes out behind what is still read in this turn', async () => {
  const { balancer } = balancerOf()
  const order: string[] = []
  const body = await ask((req, res) => {
    res.on('finish', () => order.push('answered'))
    balancer(req, res)
    process.nextTick(() => order.push('next tick'))
    queueMicrotask(() => order.push('microtask'))
    setImmediate(() => order.push('check phase'))
    order.push(res.headersSent ? 'early' : 'handed over')
  })
  expect(body).toBe('/a')
  expect(order.slice(0, 3)).toEqual(['handed over', 'next tick', 'microtask'])
  expect(order).toContain('answered')
})

it('gives way to somebody who answers meanwhile', async () => {
  const { balancer, statuses, outcomes, finished } = balancerOf()
  const body = await ask((req, res) => {
    balancer(req, res)
    res.writeHead(418).end('mine')
  })
  await finished
  expect(body).toBe('mine')
  expect(statuses).toEqual([418])
  // Nothing is the matter with the peer.
  expect(outcomes).toEqual(['ok'])
})

it('goes nowhere when the client has left meanwhile', async () => {
  const { balancer, statuses, finished } = balancerOf()
  const body = await ask((req, res) => {
    balancer(req, res)
    res.destroy()
    // As the end of a connection is told that has been read in this turn.
    res.emit('close')
  })
  await finished
  expect(body).toBe('ECONNRESET')
  expect(statuses).toEqual([499])
})

it('throws at nobody', async () => {
  const { balancer, errors, finished } = balancerOf()
  expect(await ask(balancer, '/broken')).toBe('ECONNRESET')
  await finished
  expect(errors).toEqual(['ERR_INTERNAL'])
})

it('is delivered in the context of its own request', async () => {
  const { balancer } = balancerOf()
  const storage = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const listener: RequestListener = (req, res) => {
    storage.run(req.url ?? '', () => {
      const { end } = res
      res.end = ((...args: Parameters<typeof end>) => {
        seen.push(storage.getStore())
        return end.apply(res, args)
      }) as typeof end
      balancer(req, res)
    })
  }
  await Promise.all([ask(listener, '/a'), ask(listener, '/b')])
  expect(seen.sort()).toEqual(['/a', '/b'])
})

/**
 * The contender evenkeel, as it is built: `evenkeel` is this package's own dist/. It has its defaults, and no option but
 * the transport, which BENCH_TRANSPORT names (`default` or `undici`).
 */
import { createBalancer } from 'evenkeel'
import { listen, urls } from './contenders/support/edge.mjs'

/** A name in a variable: the types of a subpath that is not there yet are not looked for. */
const subpath = 'evenkeel/undici'

async function transport() {
  if (process.env['BENCH_TRANSPORT'] !== 'undici') return {}
  const { undiciTransport } = await import(subpath)
  return { transport: undiciTransport() }
}

const balancer = createBalancer({ upstream: urls, ...(await transport()) })

listen(balancer, (request, socket, head) => balancer.upgrade(request, socket, head))

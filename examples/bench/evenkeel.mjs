/**
 * The contender evenkeel, as it is built: `evenkeel` is this package's own dist/. It has its defaults, and no option but
 * the transport, which BENCH_TRANSPORT names (`default` or `undici`); with BENCH_OBSERVED, an access log and metrics, too.
 */
import { createWriteStream, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBalancer } from 'evenkeel'
import { listen, urls } from './contenders/support/edge.mjs'

/** Names in variables: the types of subpaths that are not there yet are not looked for. */
const undici = 'evenkeel/undici'
const prometheus = 'evenkeel/prometheus'

const observed = process.env['BENCH_OBSERVED'] === '1'

async function transport() {
  if (process.env['BENCH_TRANSPORT'] !== 'undici') return {}
  const { undiciTransport } = await import(undici)
  return { transport: undiciTransport() }
}

/** nginx's `combined`, and what one wants to know of upstreams. */
const FORMAT =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" ' +
  'rt=$request_time uct=$upstream_connect_time uht=$upstream_header_time urt=$upstream_response_time ' +
  'ua=$upstream_addr us=$upstream_status'

/** Into a file that has no name any more: it is gone when the process is, however that ends. */
function accessLog() {
  if (!observed) return {}
  const path = join(tmpdir(), `evenkeel-bench-${String(process.pid)}.log`)
  const fd = openSync(path, 'w')
  rmSync(path)
  return { accessLog: { format: FORMAT, stream: createWriteStream(path, { fd }) } }
}

const balancer = createBalancer({ upstream: urls, ...(await transport()), ...accessLog() })
if (observed) {
  const { collectMetrics } = await import(prometheus)
  collectMetrics(balancer)
}

listen(balancer, (request, socket, head) => balancer.upgrade(request, socket, head))

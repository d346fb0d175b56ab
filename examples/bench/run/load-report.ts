/** The one line that wrk's script and our own load generator end with, and its parser. */

export interface LoadErrors {
  readonly connect: number
  readonly read: number
  readonly write: number
  readonly timeout: number
  /** Responses that wrk calls errors (400 and above), or messages that came back changed. */
  readonly status: number
}

export interface LoadReport {
  readonly requests: number
  readonly seconds: number
  /** Received, with heads. */
  readonly bytes: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly errors: LoadErrors
}

/** `bench requests micros bytes p50 p99 p99.9 connect read write timeout status`, times in microseconds. */
const LINE = /^bench((?: \d+(?:\.\d+)?){11})$/m

export function parseLoadReport(output: string): LoadReport {
  const numbers = LINE.exec(output)?.[1]?.trim().split(' ').map(Number)
  if (numbers === undefined) throw new Error(`the load generator reported nothing:\n${output}`)
  const [requests, micros, bytes, p50, p99, p999, connect, read, write, timeout, status] =
    numbers as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
  return {
    requests,
    seconds: micros / 1e6,
    bytes,
    p50: p50 / 1000,
    p99: p99 / 1000,
    p999: p999 / 1000,
    errors: { connect, read, write, timeout, status },
  }
}

/** The script for wrk: what is asked, and the line in the end. wrk itself prints no percentile above 99. */
export function wrkScript(method: string, bodyBytes: number): string {
  const body = bodyBytes > 0 ? [`wrk.body = string.rep('x', ${bodyBytes})`] : []
  const type = bodyBytes > 0 ? [`wrk.headers['Content-Type'] = 'application/octet-stream'`] : []
  return [
    `wrk.method = '${method}'`,
    ...body,
    ...type,
    'function done(summary, latency, requests)',
    '  local e = summary.errors',
    `  io.write(string.format('bench %d %d %d %d %d %d %d %d %d %d %d\\n', summary.requests, summary.duration,`,
    '    summary.bytes, latency:percentile(50), latency:percentile(99), latency:percentile(99.9),',
    '    e.connect, e.read, e.write, e.timeout, e.status))',
    'end',
    '',
  ].join('\n')
}

/** In words; empty when there were none. */
export function describeErrors(errors: LoadErrors): string {
  return Object.entries(errors)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ')
}

// The server that is measured, and nothing else, in a process of its own. Plain JavaScript over the built package: what
// tsx makes of sources names every closure at run time, and that would be measured.
import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { histogramOfHeap } from './histogram.mjs'

/** @typedef {import('./protocol.js').Answer} Answer */
/** @typedef {import('./protocol.js').Question} Question */
/** @typedef {import('./protocol.js').Start} Start */
/** @typedef {import('node:http').RequestListener} RequestListener */

const SETTLE_MS = 50
/** For 10,000 connections at once. */
const BACKLOG = 4096

let requests = 0

/** @param {Answer} message */
function answer(message) {
  process.send?.(message)
}

/** What the nginx of the upstream answers, from the same paths. */
function bareServer() {
  /** @type {Map<string, [string[], Buffer]>} */
  const answers = new Map()
  /** @param {string} url */
  const make = (url) => {
    const [, kind, count] = /^\/(body|fields)\/(\d+)/.exec(url) ?? []
    const body = Buffer.alloc(kind === 'body' ? Number(count) : 64, 'x')
    const fields = ['Content-Type', 'text/plain', 'Content-Length', String(body.length)]
    for (let i = 0; kind === 'fields' && i < Number(count) - 5; i++)
      fields.push(`X-Application-Field-${i}`, 'a-value-of-the-usual-length')
    return /** @type {[string[], Buffer]} */ ([fields, body])
  }
  /** @type {RequestListener} */
  return (req, res) => {
    const url = req.url ?? '/'
    let known = answers.get(url)
    if (known === undefined) answers.set(url, (known = make(url)))
    const [fields, body] = known
    const send = () => {
      res.writeHead(200, fields)
      res.end(body)
    }
    if (req.method === 'GET') send()
    else req.resume().on('end', send)
  }
}

/**
 * @param {Start} start
 * @returns {Promise<RequestListener | undefined>} undefined: there is no such transport
 */
async function listenerOf({ kind, peers, selector, options: more }) {
  if (kind === 'bare') return bareServer()
  const { createBalancer } = await import('evenkeel')
  /** @type {Record<string, unknown>} */
  const options = { upstream: [...peers], ...more }
  if (selector !== undefined) options['selector'] = selector
  if (kind === 'undici') {
    // Not a literal: the compiler would miss it where it does not exist.
    const name = 'evenkeel/undici'
    try {
      const { undiciTransport } = await import(name)
      options['transport'] = undiciTransport()
    } catch (error) {
      if (/** @type {{ code?: string }} */ (error).code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED')
        throw error
      return undefined
    }
  }
  const balancer = createBalancer(/** @type {any} */ (options))
  // Clients that are cut off are what the end of a measurement is made of.
  balancer.on('error', () => undefined)
  return balancer
}

/** @param {Start} start */
async function serve(start) {
  const listener = await listenerOf(start)
  if (listener === undefined) {
    answer({ say: 'absent' })
    return
  }
  const server = createServer({ keepAliveTimeout: 600_000, requestTimeout: 0 }, (req, res) => {
    requests++
    listener(req, res)
  })
  process.on('message', (/** @type {Question} */ { say }) => {
    if (say === 'histogram') {
      collect(() => {
        void histogramOfHeap().then((histogram) => answer({ say: 'histogram', histogram }))
      })
      return
    }
    const snapshot = () => {
      // Before anything else: what we do to find out is not theirs.
      const { user, system } = process.cpuUsage()
      server.getConnections((_error, connections) => {
        const { rss, heapUsed, external } = process.memoryUsage()
        const handles = tally(process.getActiveResourcesInfo())
        const cpu = user + system
        const files = openFiles()
        const now = { requests, cpu, rss, heapUsed, external, connections, handles, files }
        answer({ say: 'snapshot', snapshot: now })
      })
    }
    if (say === 'collected') collect(snapshot)
    else snapshot()
  })
  server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG }, () => {
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
    answer({ say: 'listening', port })
  })
}

/**
 * Buffers are given back after the collection, by another thread: the next one waits for it.
 * @param {() => void} then
 */
function collect(then, rounds = 4) {
  globalThis.gc?.()
  if (rounds === 1) then()
  else setTimeout(collect, SETTLE_MS, then, rounds - 1)
}

/** @param {readonly string[]} names */
function tally(names) {
  /** @type {Record<string, number>} */
  const counts = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

function openFiles() {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return -1
  }
}

process.on('disconnect', () => process.exit())
await serve(JSON.parse(process.argv[2] ?? '{}'))

/** The balancer, and nothing else, in a process of its own: its memory is all there is to see. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBalancer } from 'evenkeel'
import type { Answer, Memory, Question, Start } from './protocol.js'

const SAMPLE_MS = 20

let peak: Memory = { rss: 0, heap: 0 }

function memory(): Memory {
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, heap: heapUsed + external }
}

function sample(): void {
  const now = memory()
  peak = { rss: Math.max(peak.rss, now.rss), heap: Math.max(peak.heap, now.heap) }
}

/** Buffers are given back after the collection, by another thread: the next one waits for it. */
function collect(then: () => void, rounds = 4): void {
  globalThis.gc?.()
  if (rounds === 1) then()
  else setTimeout(collect, SAMPLE_MS, then, rounds - 1)
}

function answer(message: Answer): void {
  process.send?.(message)
}

function start({ options }: Start): void {
  const balancer = createBalancer(options)
  // Clients that are cut off are what this is about.
  balancer.on('error', () => undefined)
  const server = createServer({ requestTimeout: 0 }, balancer)
  server.listen(0, '127.0.0.1', () => {
    answer({ say: 'listening', port: (server.address() as AddressInfo).port })
  })
  setInterval(sample, SAMPLE_MS)
}

process.on('message', (message: Question) => {
  switch (message.say) {
    case 'start':
      start(message)
      return
    case 'idle':
      collect(() => {
        peak = memory()
        answer({ say: 'memory', memory: peak })
      })
      return
    case 'peak':
      sample()
      answer({ say: 'memory', memory: peak })
      return
    case 'live':
      sample()
      collect(() => answer({ say: 'memory', memory: memory() }))
  }
})

process.on('disconnect', () => process.exit())

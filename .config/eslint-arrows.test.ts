import { Linter } from 'eslint'
import tseslint from 'typescript-eslint'
import { expect, test } from 'vitest'
import { arrows } from './eslint-arrows.js'

function lint(filename: string, code: string): string[] {
  const config: Linter.Config = {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser },
    plugins: { evenkeel: { rules: { arrows } } },
    rules: { 'evenkeel/arrows': 'error' },
  }
  return new Linter().verify(code, config, filename).map((problem) => problem.message)
}

test.each([
  ['src/selection/hash.ts', `import { createHash } from 'node:crypto'`],
  ['src/selection/hash.ts', `import type { Clock } from '../clock.js'`],
  ['src/selection/hash.ts', `import { accounting } from '../upstream/accounting.js'`],
  ['src/sticky/learned.ts', `import { PeerSession } from '../upstream/peer-session.js'`],
  ['src/sticky/learned.ts', `import type { Exchange } from '../exchange.js'`],
  ['src/upstream/peer.ts', `import { connect } from 'node:net'`],
  ['src/upstream/peer.ts', `import { decide } from '../next-upstream/decide.js'`],
  ['src/next-upstream/decide.ts', `export { peer } from '../upstream/peer.js'`],
  ['src/message/relay.ts', `import { kAttempt } from '../transport/transport.js'`],
  ['src/transport/http-proxy/round-trip.ts', `import { x } from '../../next-upstream/decide.js'`],
  ['src/transport/agents.ts', `const proxy = await import('http-proxy-3')`],
  ['src/transport/http-proxy/round-trip.ts', `import Agent from 'agentkeepalive'`],
  ['src/request-handler.ts', `import createDebug from 'debug'`],
  ['src/balancer.ts', `import { fakeClock } from './testing/index.js'`],
  ['src/testing/index.ts', `import { createBalancer } from '../balancer.js'`],
  ['src/upstream-handle.ts', `import { fromDns } from './discovery/dns.js'`],
  ['src/config/peers.ts', `import { parse } from 'yaml'`],
  ['src/discovery/dns.ts', `import { PeerFeed } from '../peer-feed.js'`],
  ['src/reporter.ts', `import { register } from 'prom-client'`],
  ['src/balancer.ts', `import { collectMetrics } from './prometheus.js'`],
  ['src/observe/opentelemetry/tracing.ts', `import { register } from 'prom-client'`],
  ['src/reporter.ts', `import { trace } from '@opentelemetry/api'`],
  ['src/balancer.ts', `import { traceBalancer } from './opentelemetry.js'`],
  ['src/observe/prometheus/family.ts', `import { trace } from '@opentelemetry/api'`],
  ['src/index.ts', `export { collectMetrics } from './observe/prometheus/collect-metrics.js'`],
  ['src/reporter.ts', `import { Origin } from './observe/opentelemetry/propagation.js'`],
  ['src/doctor/doctor.ts', `import { readFileSync } from 'node:fs'`],
  ['src/balancer.ts', `import { Doctor } from './doctor/doctor.js'`],
])('%s must not: %s', (filename, code) => {
  expect(lint(filename, code)).toHaveLength(1)
})

test.each([
  ['src/selection/hash.ts', `import { crc32 } from './crc32.js'`],
  ['src/selection/hash.ts', `import { toPicker } from '../upstream/peer-selector.js'`],
  ['src/selection/hash.ts', `import type { Peer } from '../upstream/peer.js'`],
  ['src/sticky/names.ts', `import { createHmac } from 'node:crypto'`],
  ['src/sticky/learned.ts', `import { cookieValue } from '../message/cookie.js'`],
  ['src/sticky/learned.ts', `import type { Peer } from '../upstream/peer-selector.js'`],
  ['src/upstream/peer.ts', `import { availability } from './availability.js'`],
  ['src/next-upstream/attempt-result.ts', `import type { Duplex } from 'node:stream'`],
  ['src/upstream/peer.ts', `import type { Clock } from '../clock.js'`],
  ['src/transport/http-proxy/round-trip.ts', `import httpProxy from 'http-proxy-3'`],
  ['src/transport/http-proxy/round-trip.ts', `import { agents } from '../agents.js'`],
  ['src/transport/transport.ts', `import { x } from '../next-upstream/attempt-result.js'`],
  ['src/request-handler.ts', `import { debug } from './debug.js'`],
  ['src/discovery/file.ts', `import { Section } from '../config/section.js'`],
  ['src/discovery.ts', `export { fromDns } from './discovery/dns.js'`],
  ['src/index.ts', `export { createBalancer } from './balancer.js'`],
  ['src/observe/prometheus/collect-metrics.ts', `import { register } from 'prom-client'`],
  ['src/prometheus.ts', `export { x } from './observe/prometheus/collect-metrics.js'`],
  ['src/observe/opentelemetry/tracing.ts', `import { context } from '@opentelemetry/api'`],
  ['src/opentelemetry.ts', `export { x } from './observe/opentelemetry/trace-balancer.js'`],
  ['src/doctor/conf-facts.ts', `import { parseSize } from '../config/size.js'`],
  ['test/unit/balancer.test.ts', `import { createBalancer } from '../../src/balancer.js'`],
])('%s may: %s', (filename, code) => {
  expect(lint(filename, code)).toEqual([])
})

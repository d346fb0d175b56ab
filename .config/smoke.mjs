// Installs a tarball into an empty folder and loads it in fresh processes, by import and by require().
// Usage: node .config/smoke.mjs <tarball>
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { npm, run } from './run.mjs'

const direct = ['agentkeepalive', 'debug', 'http-proxy-3']
const transitive = ['follow-redirects', 'humanize-ms', 'ms']

const tarball = process.argv[2]
assert(tarball !== undefined, 'usage: node .config/smoke.mjs <tarball>')

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-smoke-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

writeFileSync(join(folder, 'package.json'), '{ "name": "smoke", "private": true }\n')
npm(['install', '--no-audit', '--no-fund', '--loglevel=error', resolve(tarball)], { cwd: folder })

const manifest = JSON.parse(
  readFileSync(join(folder, 'node_modules/evenkeel/package.json'), 'utf8'),
)
assert.deepEqual(Object.keys(manifest.dependencies).sort(), direct)

const installed = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'))
const expected = ['evenkeel', ...direct]
assert.deepEqual(installed.filter((name) => !transitive.includes(name)).sort(), expected.sort())

const use = `
  if (typeof main.createBalancer !== 'function') throw new Error('createBalancer is missing')
  if (Object.keys(testing).length === 0) throw new Error('evenkeel/testing is empty')
  if (typeof discovery.fromDns !== 'function') throw new Error('fromDns is missing')
  if (typeof cluster.shareZones !== 'function') throw new Error('shareZones is missing')
`
writeFileSync(
  join(folder, 'import.mjs'),
  `import * as main from 'evenkeel'\nimport * as testing from 'evenkeel/testing'
import * as discovery from 'evenkeel/discovery'
import * as cluster from 'evenkeel/cluster'\n${use}`,
)
writeFileSync(
  join(folder, 'require.cjs'),
  `const main = require('evenkeel')\nconst testing = require('evenkeel/testing')
const discovery = require('evenkeel/discovery')
const cluster = require('evenkeel/cluster')\n${use}`,
)
for (const file of ['import.mjs', 'require.cjs']) run(process.execPath, [file], { cwd: folder })

// undici is the user's to install: nothing else needs it, and with it the subpath does.
npm(['install', '--no-audit', '--no-fund', '--loglevel=error', 'undici@7'], { cwd: folder })
const useUndici = `
  const transport = undici.undiciTransport()
  void main.createBalancer({ upstream: ['http://127.0.0.1:1'], transport }).close()
`
writeFileSync(
  join(folder, 'undici.mjs'),
  `import * as main from 'evenkeel'\nimport * as undici from 'evenkeel/undici'\n${useUndici}`,
)
writeFileSync(
  join(folder, 'undici.cjs'),
  `const main = require('evenkeel')\nconst undici = require('evenkeel/undici')\n${useUndici}`,
)
for (const file of ['undici.mjs', 'undici.cjs']) run(process.execPath, [file], { cwd: folder })

// So are prom-client and @opentelemetry/api.
const observing = ['prom-client@15', '@opentelemetry/api@1']
npm(['install', '--no-audit', '--no-fund', '--loglevel=error', ...observing], { cwd: folder })
const useObserving = `
  const balancer = main.createBalancer({ upstream: ['http://127.0.0.1:1'] })
  const metrics = prometheus.collectMetrics(balancer)
  opentelemetry.traceBalancer(balancer).close()
  void metrics.metrics().then((text) => {
    if (!text.includes('evenkeel_requests_in_flight')) throw new Error('no metrics')
    return balancer.close()
  })
`
writeFileSync(
  join(folder, 'observing.mjs'),
  `import * as main from 'evenkeel'\nimport * as prometheus from 'evenkeel/prometheus'
import * as opentelemetry from 'evenkeel/opentelemetry'\n${useObserving}`,
)
writeFileSync(
  join(folder, 'observing.cjs'),
  `const main = require('evenkeel')\nconst prometheus = require('evenkeel/prometheus')
const opentelemetry = require('evenkeel/opentelemetry')\n${useObserving}`,
)
for (const file of ['observing.mjs', 'observing.cjs'])
  run(process.execPath, [file], { cwd: folder })

console.log(
  `smoke test passed on node ${process.version}: import and require(), ${installed.join(', ')}`,
)

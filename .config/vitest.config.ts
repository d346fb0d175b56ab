import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('..', import.meta.url))
const [nodeMajor = 0, nodeMinor = 0] = process.versions.node.split('.').map(Number)
const takesUndici8 = nodeMajor > 22 || (nodeMajor === 22 && nodeMinor >= 19)

// Tests and examples import the package by its own name; this condition leads to src/ without a build.
// Not `module`: it is for bundlers, and what Node finds by it in @opentelemetry/api it cannot load.
const conditions = ['evenkeel-source', 'node', 'development|production']

/** http-proxy-3 2.x needs Node 22: there, its traps are tested against both majors. */
const withHttpProxy2 = {
  extends: true as const,
  resolve: { alias: [{ find: /^http-proxy-3$/, replacement: 'http-proxy-3-v2' }] },
  test: { name: 'http-proxy-3 v2', include: ['test/integration/traps/**/*.test.ts'] },
}

/** All tests that make balancers with connections of their own, over undici as the default transport. */
const undiciAsDefault = {
  find: /^\.\/transport\/default-transport\.js$/,
  replacement: `${root}test/helpers/undici-default.ts`,
}
const overUndici = {
  extends: true as const,
  resolve: { alias: [undiciAsDefault] },
  test: {
    name: 'evenkeel over undici',
    env: { TRANSPORT: 'undici' },
    include: [
      'test/integration/**/*.test.ts',
      'test/corpus/**/*.test.ts',
      'test/conformance/**/*.test.ts',
      'test/property/balancer.test.ts',
      'test/fuzz/**/*.test.ts',
    ],
    exclude: [
      // What http-proxy-3 itself does with its options and its environment.
      'test/integration/traps/09*.test.ts',
      // Nothing of the transport, or in processes of their own.
      'test/integration/examples/**',
      'test/integration/soak/**',
      'test/integration/cluster/**',
      // Who is chosen, and who there is to choose from.
      'test/integration/discovery/{dns,dnsmasq,etcd,kubernetes,file}*.test.ts',
      'test/conformance/hashes.test.ts',
      'test/conformance/differential/{selectors,random,directives}.test.ts',
      // Logs and configuration are read: no balancer is there.
      'test/integration/doctor/**',
      'test/conformance/{doctor,nginx-conf}.test.ts',
      // Events are counted.
      'test/conformance/prometheus.test.ts',
      // Browsers and curl speak to the server.
      'test/integration/compat/{chromium,curl}.test.ts',
      // The page is read from events and peers.
      'test/integration/status/**',
    ],
  },
}

/** undici 8 needs Node 22.19. */
const overUndici8 = {
  extends: true as const,
  resolve: { alias: [undiciAsDefault, { find: /^undici$/, replacement: 'undici-v8' }] },
  test: {
    name: 'evenkeel over undici 8',
    env: { TRANSPORT: 'undici', UNDICI: '8' },
    include: [
      'test/unit/transport/undici/**/*.test.ts',
      'test/integration/{undici,traps,messages,tls,bodies}/**/*.test.ts',
      'test/corpus/**/*.test.ts',
    ],
    exclude: ['test/integration/traps/09*.test.ts'],
  },
}

export default defineConfig({
  root,
  cacheDir: 'node_modules/.vite',
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['node', 'import'] } },
  test: {
    environment: 'node',
    pool: 'forks',
    // Half of the time went into importing the same modules again for each file.
    isolate: false,
    maxWorkers: 2,
    execArgv: ['--expose-gc'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 30_000,
    retry: 0,
    passWithNoTests: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'evenkeel',
          include: ['test/**/*.test.ts', '.config/**/*.test.ts'],
          globalSetup: ['.config/vitest.global-setup.ts'],
        },
      },
      overUndici,
      ...(takesUndici8 ? [overUndici8] : []),
      ...(nodeMajor >= 22 ? [withHttpProxy2] : []),
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text', 'lcov'],
      reportsDirectory: 'coverage',
      thresholds: { lines: 90, functions: 90, statements: 90, branches: 85 },
    },
  },
})

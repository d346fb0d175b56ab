import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('..', import.meta.url))
const nodeMajor = Number(process.versions.node.split('.')[0])

// Tests and examples import the package by its own name; this condition leads to src/ without a build.
const conditions = ['evenkeel-source', 'node', 'module', 'development|production']

/** http-proxy-3 2.x needs Node 22: there, its traps are tested against both majors. */
const withHttpProxy2 = {
  extends: true as const,
  resolve: { alias: [{ find: /^http-proxy-3$/, replacement: 'http-proxy-3-v2' }] },
  test: { name: 'http-proxy-3 v2', include: ['test/integration/traps/**/*.test.ts'] },
}

/** All tests that make balancers with connections of their own, over undici as the default transport. */
const overUndici = {
  extends: true as const,
  resolve: {
    alias: [
      {
        find: /^\.\/transport\/default-transport\.js$/,
        replacement: `${root}test/helpers/undici-default.ts`,
      },
    ],
  },
  test: {
    name: 'evenkeel over undici',
    include: [
      'test/integration/**/*.test.ts',
      'test/corpus/**/*.test.ts',
      'test/conformance/**/*.test.ts',
      'test/property/balancer.test.ts',
      'test/fuzz/**/*.test.ts',
    ],
    exclude: [],
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
    isolate: true,
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

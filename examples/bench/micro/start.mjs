// Compiles sources and cases first: what tsx makes of them names every closure at run time, and that would be measured.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const here = new URL('./', import.meta.url)
const out = new URL('../../../node_modules/.cache/evenkeel-bench/', here)

/** @param {string[]} args */
function node(...args) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

mkdirSync(out, { recursive: true })
writeFileSync(new URL('package.json', out), '{ "type": "module" }\n')
node(
  createRequire(import.meta.url).resolve('typescript/bin/tsc'),
  '-p',
  fileURLToPath(new URL('tsconfig.json', here)),
)
const main = fileURLToPath(new URL('examples/bench/micro/main.js', out))
node('--expose-gc', main, ...process.argv.slice(2))

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Runs a command with its output shown, or returned with `stdout: 'pipe'`; ends this process if it fails.
 * @param {string} command @param {string[]} args
 * @param {{ cwd?: string, stdout?: 'inherit' | 'pipe' }} [options]
 * @returns {string}
 */
export function run(command, args, { cwd = root, stdout = 'inherit' } = {}) {
  const result = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', stdout, 'inherit'],
    shell: process.platform === 'win32' && command === 'npm',
  })
  if (result.status !== 0) {
    console.error(`failed: ${command} ${args.join(' ')}`, result.error ?? '')
    process.exit(1)
  }
  return stdout === 'pipe' ? result.stdout : ''
}

/**
 * Runs npm with the Node that runs this script, whichever node or npm stands first in PATH.
 * @param {string[]} args
 * @param {{ cwd?: string, stdout?: 'inherit' | 'pipe' }} [options]
 * @returns {string}
 */
export function npm(args, options) {
  const cli = process.env['npm_execpath']
  return cli === undefined
    ? run('npm', args, options)
    : run(process.execPath, [cli, ...args], options)
}

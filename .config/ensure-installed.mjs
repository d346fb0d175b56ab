// Runs `npm ci` when node_modules is missing or is not what package-lock.json says.
import { readFileSync } from 'node:fs'
import { npm, root } from './run.mjs'

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean }} Entry
 * @param {string} file
 * @returns {Record<string, Entry>}
 */
function packagesOf(file) {
  return JSON.parse(readFileSync(`${root}/${file}`, 'utf8')).packages
}

function reasonToInstall() {
  let installed
  try {
    installed = packagesOf('node_modules/.package-lock.json')
  } catch {
    return 'node_modules is missing'
  }
  for (const [path, wanted] of Object.entries(packagesOf('package-lock.json'))) {
    if (path === '') continue
    const found = installed[path]
    if (found === undefined && wanted.optional === true) continue // for another platform
    if (found?.version !== wanted.version || found?.integrity !== wanted.integrity)
      return 'node_modules does not match package-lock.json'
  }
  return undefined
}

const reason = reasonToInstall()
if (reason !== undefined) {
  console.log(`${reason}: running npm ci`)
  npm(['ci', '--no-audit', '--no-fund', '--loglevel=error'])
}

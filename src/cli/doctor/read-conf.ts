/** Configuration from the disk, includes and all. */
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import type { Directive } from '../../nginx/conf.js'
import { isPattern, matchesName } from '../../nginx/glob.js'
import { parseNginxConfig } from '../../nginx/parse.js'

/** A file is read whole; no configuration is that long. */
const LARGEST = 50_000_000

/**
 * Relative names of includes stand below the directory of the main file.
 * @throws {NginxConfigError} for what nginx would refuse; errors of the file system.
 */
export function readNginxConf(path: string): readonly Directive[] {
  const folder = dirname(resolve(path))
  return parseNginxConfig(readSmall(path), {
    file: path,
    include: (pattern) => {
      const full = isAbsolute(pattern) ? pattern : join(folder, pattern)
      return filesFor(full).map((file) => ({ file, text: readSmall(file) }))
    },
  })
}

function readSmall(path: string): string {
  if (statSync(path).size > LARGEST) throw new Error(`${path} is too large for a configuration`)
  return readFileSync(path, 'utf8')
}

/** The files that a pattern names, in the order of their names; a name without a pattern only if it is there. */
export function filesFor(pattern: string): string[] {
  if (!isPattern(pattern)) return exists(pattern) ? [pattern] : []
  const [root, ...parts] = resolve(pattern).split('/')
  let found = [root ?? '']
  for (const part of parts) {
    found = found.flatMap((folder) =>
      isPattern(part)
        ? namesIn(folder)
            .filter((name) => matchesName(part, name))
            .map((name) => `${folder}/${name}`)
        : [`${folder}/${part}`],
    )
  }
  return found.filter(exists).sort()
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder === '' ? '/' : folder)
  } catch {
    return []
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

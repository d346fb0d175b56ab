/** Reads nginx configuration from files, its includes as nginx finds them. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Directive } from '../nginx/conf.js'
import { isPattern, matchesName } from '../nginx/glob.js'
import { parseNginxConfig } from '../nginx/parse.js'
import type { ConfigFile, IncludeFiles } from '../nginx/parse.js'

/** No configuration is as large; anything else is not read into memory. */
const LARGEST = 64 * 1024 * 1024

/**
 * The configuration of a file, or of the output of `nginx -T` in one. A relative `include` stands below the directory of
 * the main file, as in nginx.
 * @throws what the file system or the parser says.
 */
export function readNginxConfig(path: string): readonly Directive[] {
  return parseNginxConfig(readText(path), { file: path, include: includeBelow(dirname(path)) })
}

function includeBelow(prefix: string): IncludeFiles {
  return (pattern) => {
    const full = resolve(prefix, pattern)
    if (!isPattern(pattern)) return readIfThere(full)
    return filesFor(full).flatMap((file) => [{ file, text: readText(file) }])
  }
}

function readIfThere(file: string): ConfigFile[] {
  try {
    return [{ file, text: readText(file) }]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** A device or a pipe would never end. */
function readText(file: string): string {
  const stats = statSync(file)
  if (!stats.isFile()) throw new Error(`${file} is not a file`)
  if (stats.size > LARGEST) throw new Error(`${file} is too large`)
  return readFileSync(file, 'utf8')
}

/** glob(3): one name after the other, sorted. */
function filesFor(pattern: string): string[] {
  const [, ...parts] = pattern.split('/')
  let found = ['']
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1
    found = found.flatMap((directory) =>
      isPattern(part)
        ? namesIn(directory, part).map((name) => `${directory}/${name}`)
        : [`${directory}/${part}`],
    )
    if (last) found = found.filter(exists)
  }
  return found
}

function namesIn(directory: string, pattern: string): string[] {
  try {
    const names = readdirSync(directory === '' ? '/' : directory)
    return names.filter((name) => matchesName(pattern, name)).sort()
  } catch {
    return []
  }
}

function exists(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true
}

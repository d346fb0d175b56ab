/** Names of log files, and what they stand for. */
import { readdirSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { isPattern, matchesName } from '../../nginx/glob.js'

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

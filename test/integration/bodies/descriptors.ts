/** What this process has open, as the system tells it. */
import { readdirSync, readlinkSync, statSync } from 'node:fs'

const FOLDER = '/proc/self/fd'

/** Elsewhere than on Linux nobody can be asked: the lists are empty. */
export const canLook = process.platform === 'linux'

/** Each open descriptor with what it stands for: `socket:[123]`, `/tmp/a (deleted)`. */
function descriptors(): (readonly [name: string, target: string])[] {
  if (!canLook) return []
  return readdirSync(FOLDER).flatMap((name) => {
    try {
      return [[name, readlinkSync(`${FOLDER}/${name}`)] as const]
    } catch {
      // Closed meanwhile, as is the one that the folder was read with.
      return []
    }
  })
}

/** The number of open sockets. */
export function openSockets(): number {
  return descriptors().filter(([, target]) => target.startsWith('socket:')).length
}

/** Sizes of the open files that are, or were, in a folder: an unlinked one is still somewhere. */
export function openFiles(folder: string): number[] {
  return descriptors()
    .filter(([, target]) => target.startsWith(`${folder}/`))
    .flatMap(([name]) => {
      try {
        return [statSync(`${FOLDER}/${name}`).size]
      } catch {
        return []
      }
    })
}

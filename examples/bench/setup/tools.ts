/** The programs of the system that the benchmark needs, and what to install where one is missing. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

export interface Tools {
  readonly nginx: string
  readonly wrk: string
  /** Undefined: its row is left out. */
  readonly haproxy: string | undefined
  /** What they say of their versions. */
  readonly versions: Readonly<Record<string, string>>
}

/** Debian has its servers where users do not look. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']

function find(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** The first line with a version in it; wrk and nginx speak on standard error, wrk with status 1. */
function versionOf(path: string): string {
  const { stdout, stderr } = spawnSync(path, ['-v'], { encoding: 'utf8', timeout: 10_000 })
  return /\d+\.\d+[\w.+-]*/.exec(stdout + stderr)?.[0] ?? 'unknown version'
}

/** @param warn is told what is missing. @returns undefined when the benchmark cannot run at all. */
export function findTools(warn: (line: string) => void): Tools | undefined {
  const nginx = find('nginx')
  const wrk = find('wrk')
  const haproxy = find('haproxy')
  const missing = Object.entries({ nginx, wrk, haproxy }).filter(([, path]) => path === undefined)
  if (missing.length > 0)
    warn(`missing: on Debian, \`apt-get install ${missing.map(([name]) => name).join(' ')}\``)
  if (nginx === undefined || wrk === undefined) {
    warn('nginx (the upstream) and wrk (the load) are needed.')
    return undefined
  }
  if (haproxy === undefined) warn('HAProxy is left out.')
  const versions = {
    nginx: versionOf(nginx),
    wrk: versionOf(wrk),
    ...(haproxy === undefined ? {} : { haproxy: versionOf(haproxy) }),
  }
  return { nginx, wrk, haproxy, versions }
}

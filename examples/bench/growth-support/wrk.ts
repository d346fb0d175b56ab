/** The load. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Children } from './children.js'

export interface Load {
  readonly url: string
  readonly connections: number
  /** Header fields of a request, `Host` included; default: what wrk sends by itself. */
  readonly fields?: number
  /**
   * Bytes of a request body; default: none, by GET. Sent by PUT: a POST, which may not be repeated, goes out on a new
   * connection each time, and that would be most of what is seen.
   */
  readonly body?: number
  readonly seconds: number
}

/** What wrk has met besides good answers; undefined: nothing. */
export type Trouble = string | undefined

/** Puts load on a server for `seconds`; resolves when it is over. `folder`: for its script. */
export async function wrk(children: Children, load: Load, folder: string): Promise<Trouble> {
  const args = ['-t1', `-c${load.connections}`, `-d${load.seconds}s`, '--timeout', '30s']
  const script = scriptOf(load)
  if (script !== undefined) {
    const file = join(folder, 'wrk.lua')
    writeFileSync(file, script)
    args.push('-s', file)
  }
  // As many files as there may be: Node sees to that by itself, wrk does not.
  const shell = ['-c', 'ulimit -n "$(ulimit -H -n)"; exec wrk "$@"', 'wrk', ...args, load.url]
  const child = children.add(spawn('/bin/sh', shell, { stdio: ['ignore', 'pipe', 'inherit'] }))
  let output = ''
  child.stdout.on('data', (text: Buffer) => (output += text.toString()))
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`wrk has ended with ${String(code)}: ${output}`)
  return troubleIn(output)
}

/** undefined: none is needed. */
export function scriptOf({ fields, body }: Pick<Load, 'fields' | 'body'>): string | undefined {
  const lines: string[] = []
  // `Host` is there already.
  for (let i = 0; i < (fields ?? 1) - 1; i++)
    lines.push(`wrk.headers["X-Application-Field-${i}"] = "a-value-of-the-usual-length"`)
  if (body !== undefined) lines.push(`wrk.method = "PUT"`, `wrk.body = string.rep("x", ${body})`)
  return lines.length === 0 ? undefined : `${lines.join('\n')}\n`
}

export function troubleIn(output: string): Trouble {
  const found = output.match(/Non-2xx or 3xx responses: \d+|Socket errors: .*/g)
  return found === null ? undefined : found.join('; ')
}

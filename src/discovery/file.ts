/** Peers from a file that is watched. */
import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, extname, resolve } from 'node:path'
import type { Clock, Timer } from '../clock.js'
import { namesOf } from '../config/section.js'
import type { Duration, PeerSource } from '../options.js'
import { checked, readSource } from './options.js'
import type { SourceOptions } from './options.js'
import { parsePeers } from './parse-peers.js'
import type { PeerFileFormat } from './parse-peers.js'
import { peerSource } from './peer-source.js'
import type { Publish } from './peer-source.js'

export interface FileOptions extends SourceOptions {
  /** Default: by the name, `.yaml` and `.yml` are YAML. It needs the package `yaml`, which is yours to install. */
  format?: PeerFileFormat
  /** How long a file has to be left alone before it is read: until then it may be half written. Default 100 ms. */
  debounce?: Duration
  /** The file is also looked at this often: not every file system tells of changes. Default 5 s. */
  poll?: Duration
}

interface FileConfig {
  readonly path: string
  readonly format: PeerFileFormat
  readonly debounce: number
  readonly poll: number
  readonly clock: Clock
}

const FILE = namesOf<FileOptions>({
  format: true,
  debounce: true,
  poll: true,
  clock: true,
  signal: true,
})

/**
 * The peers that a JSON or YAML file lists: a list as `createBalancer` takes it, or an object with one under `peers`. It is
 * read again when it changes, in place or by another file that is moved there, symbolic links included. A file that is gone,
 * half written or wrong is reported, and the last good list stays.
 * @throws {ConfigurationError} when an option could not be used
 */
export function fromFile(path: string, options: FileOptions = {}): PeerSource {
  const { signal, ...config } = checked(options, FILE, (section, problems) => {
    const isPath = typeof path === 'string' && path !== '' && !path.includes('\0')
    if (!isPath) problems.add('path', 'must be the path of a file', path)
    const standard = isPath && /^\.ya?ml$/i.test(extname(path)) ? 'yaml' : 'json'
    return {
      ...readSource(section),
      // The working directory may be another one later.
      path: isPath ? resolve(path) : '',
      format: section.choice('format', ['json', 'yaml'], standard),
      debounce: section.duration('debounce', 100, 'zero allowed'),
      poll: section.duration('poll', 5000, 'more than zero'),
    }
  })
  return peerSource(
    (publish, until) => {
      new WatchedFile(config, publish, until).begin()
    },
    signal === undefined ? {} : { signal },
  )
}

/** Events that follow each other put the reading off, but not for longer than so many times the pause. */
const LONGEST_WAIT = 10

class WatchedFile {
  readonly #config: FileConfig
  readonly #publish: Publish
  readonly #signal: AbortSignal
  #watcher: FSWatcher | undefined
  /** Which directory is watched: there may be another one of that name. */
  #directory = ''
  #settling: Timer | undefined
  /** It is read then at the latest. */
  #settleBy = Infinity
  #polling: Timer | undefined
  #reading = false
  /** Something has changed while it was read. */
  #again = false
  /** What tells one state of the file from another without reading it; empty: it has to be read. */
  #seen = ''
  /** What was published last: a list's text, or an error's. */
  #text: string | undefined
  #trouble: string | undefined

  constructor(config: FileConfig, publish: Publish, signal: AbortSignal) {
    this.#config = config
    this.#publish = publish
    this.#signal = signal
  }

  begin(): void {
    this.#signal.addEventListener('abort', () => {
      this.#watcher?.close()
      this.#settling?.cancel()
      this.#polling?.cancel()
    })
    this.#poll()
  }

  /** Looks whether it is another one, and whether the directory is; now, and from time to time. */
  #poll(): void {
    this.#watchDirectory()
      .then(() => this.#read())
      .then(
        () => {
          if (this.#signal.aborted) return
          this.#polling = this.#config.clock.after(this.#config.poll, () => {
            this.#poll()
          })
        },
        () => undefined,
      )
  }

  /** The directory, not the file: that may be replaced by another one, and nothing would be heard of it. */
  async #watchDirectory(): Promise<void> {
    const path = dirname(this.#config.path)
    const identity = await identityOf(path, 'which')
    if (this.#signal.aborted || (identity === this.#directory && this.#watcher !== undefined))
      return
    this.#watcher?.close()
    this.#watcher = undefined
    if (identity === undefined) return
    this.#directory = identity
    try {
      const watcher = watch(path, { persistent: false }, (_event, name) => {
        this.#heard(name)
      })
      this.#watcher = watcher
      watcher.on('error', () => {
        watcher.close()
        if (this.#watcher === watcher) this.#watcher = undefined
      })
    } catch {
      // No more watches are to be had, or the file system has none: there is the polling.
    }
  }

  #heard(name: string | null): void {
    if (this.#signal.aborted) return
    const isOurs = name === null || name === basename(this.#config.path)
    // A link to elsewhere may lead somewhere else now, under another name; but a busy directory puts nothing off.
    if (!isOurs && this.#settling !== undefined) return
    if (isOurs) this.#seen = ''
    this.#settle()
  }

  #settle(): void {
    const { clock, debounce } = this.#config
    const now = clock.now()
    this.#settleBy = Math.min(this.#settleBy, now + LONGEST_WAIT * debounce)
    this.#settling?.cancel()
    const wait = Math.max(0, Math.min(debounce, this.#settleBy - now))
    this.#settling = clock.after(wait, () => {
      this.#settling = undefined
      this.#settleBy = Infinity
      void this.#read()
    })
  }

  /** Never rejects. */
  async #read(): Promise<void> {
    if (this.#signal.aborted) return
    if (this.#reading) {
      this.#again = true
      return
    }
    this.#reading = true
    await this.#readNow()
    this.#reading = false
    if (!this.#again) return
    this.#again = false
    await this.#read()
  }

  async #readNow(): Promise<void> {
    const { path, format } = this.#config
    try {
      const before = await identityOf(path, 'which and how')
      if (before !== undefined && before === this.#seen) return
      this.#seen = before ?? ''
      const text = await readFile(path, 'utf8')
      if (this.#signal.aborted) return
      if ((await identityOf(path, 'which and how')) !== before) {
        // Somebody is writing it.
        this.#seen = ''
        this.#settle()
        return
      }
      if (text === this.#text && this.#trouble === undefined) return
      const list = await parsePeers(text, format, path)
      this.#text = text
      this.#trouble = undefined
      this.#publish(list)
    } catch (cause) {
      this.#failed(cause instanceof Error ? cause : new Error(`${path} cannot be read`, { cause }))
    }
  }

  /** Once for each trouble, however often it is looked at. */
  #failed(error: NodeJS.ErrnoException): void {
    // What cannot be opened may be open to us later without a change of its own.
    if (error.code !== undefined) this.#seen = ''
    if (error.message === this.#trouble) return
    this.#trouble = error.message
    this.#publish(error)
  }
}

/** Which file it is, behind all links, and if asked for, when it was changed; undefined: there is none to be seen. */
async function identityOf(
  path: string,
  what: 'which' | 'which and how',
): Promise<string | undefined> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return what === 'which' ? `${dev}:${ino}` : `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`
  } catch {
    return undefined
  }
}

/** The lines of a file, a chunk at a time: files of any size in the same memory. */
import { createReadStream, openSync, readSync, closeSync } from 'node:fs'
import { createGunzip } from 'node:zlib'

const CHUNK = 256 * 1024
/** A line that is longer is no log line; the rest of it is left out. */
const LONGEST_LINE = 64 * 1024
const NEWLINE = 10

/**
 * Yields lists of lines, as latin1. Gzipped files are known by their first bytes, not by their names. A file that is cut
 * off ends where it is cut off: `broken` is then told.
 */
export async function* linesOf(
  path: string,
  broken: (error: Error) => void,
): AsyncGenerator<string[], void> {
  const file = createReadStream(path, { highWaterMark: CHUNK })
  const stream = isGzip(path) ? file.pipe(createGunzip({ chunkSize: CHUNK })) : file
  // An error of the file does not end what it is piped into.
  file.on('error', (error) => stream.destroy(error))
  const splitter = new LineSplitter()
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) yield splitter.split(chunk)
  } catch (error) {
    broken(error instanceof Error ? error : new Error(String(error)))
  } finally {
    file.destroy()
  }
  const last = splitter.end()
  if (last !== '') yield [last]
}

function isGzip(path: string): boolean {
  const file = openSync(path, 'r')
  try {
    const magic = Buffer.alloc(2)
    return readSync(file, magic, 0, 2, 0) === 2 && magic[0] === 0x1f && magic[1] === 0x8b
  } finally {
    closeSync(file)
  }
}

/** Cuts bytes into lines. */
export class LineSplitter {
  #rest = ''

  split(chunk: Buffer): string[] {
    const lines: string[] = []
    let at = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, at)) {
      const line = this.#join(chunk.toString('latin1', at, Math.min(end, at + LONGEST_LINE)))
      lines.push(line.endsWith('\r') ? line.slice(0, -1) : line)
      this.#rest = ''
      at = end + 1
    }
    if (at < chunk.length)
      this.#rest = this.#join(
        chunk.toString('latin1', at, Math.min(chunk.length, at + LONGEST_LINE)),
      )
    return lines
  }

  end(): string {
    const last = this.#rest
    this.#rest = ''
    return last
  }

  #join(text: string): string {
    if (this.#rest === '') return text
    return this.#rest.length >= LONGEST_LINE ? this.#rest : this.#rest + text
  }
}

/** Peers from a file, with all the ways in which files are changed; time is turned by hand. */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigurationError } from 'evenkeel'
import { fromFile } from 'evenkeel/discovery'
import type { FileOptions } from 'evenkeel/discovery'
import { describe, expect, onTestFinished, test } from 'vitest'
import { turns, watchProcess } from '../../helpers/watch-process.js'
import { Reader, until } from './rig.js'

watchProcess()

const A = 'http://10.0.0.1'
const B = 'http://10.0.0.2'
const json = (...urls: string[]): string => JSON.stringify(urls)

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'evenkeel-peers-'))
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true })
  })
  return path
}

const read = (path: string, options: FileOptions = {}): Reader =>
  new Reader((clock) => fromFile(path, { clock, ...options }))

/** The pause after the last event is over: what has been written is read. */
async function settled({ clock }: Reader, ms = 100): Promise<void> {
  await until(() => (clock.nextDue ?? Infinity) <= clock.now() + ms)
  // Events that belong together come together.
  await turns(3)
  clock.advance(ms)
}

/** Nothing is due but the next look. */
async function calm({ clock }: Reader): Promise<void> {
  for (;;) {
    await turns()
    if ((clock.nextDue ?? 0) > clock.now() + 100) return
    if (clock.nextDue !== undefined) clock.advance(100)
  }
}

describe('what a file may say', () => {
  test.each([
    ['peers.json', json(A, B), [A, B]],
    ['peers.json', `\uFEFF{ "comment": "x", "peers": [{ "url": "${A}", "weight": 3 }] }`, [A]],
    ['peers.yaml', `# those in front\n- ${A}\n- url: ${B}\n  weight: 2\n`, [A, B]],
    ['peers.YML', `peers:\n  - ${A}\n`, [A]],
  ])('%s: %j', async (name, text, urls) => {
    const path = join(folder(), name)
    writeFileSync(path, text)
    expect(await read(path).next()).toEqual(urls)
  })

  test('another name for YAML', async () => {
    const path = join(folder(), 'peers.conf')
    writeFileSync(path, `- ${A}`)
    expect(await read(path, { format: 'yaml' }).next()).toEqual([A])
  })

  test.each([
    ['peers.json', '{ "a": 1 }', /must hold a list of peers/],
    ['peers.json', '', /is not valid JSON/],
    ['peers.json', 'null', /must hold a list of peers/],
    ['peers.json', '[{ "tls": { "key": "SECRET" ] }', /is not valid JSON/],
    ['peers.yaml', '- a: SECRET\n- "SECRET', /is not valid YAML \(line \d\)/],
    ['peers.yaml', '', /must hold a list of peers/],
  ])('%s with %j is reported, and nothing of it is quoted', async (name, text, message) => {
    const path = join(folder(), name)
    writeFileSync(path, text)
    const told = String(await read(path).next())
    expect(told).toMatch(message)
    expect(told).toContain(name)
    expect(told).not.toContain('SECRET')
  })
})

describe('how a file changes', () => {
  const changes: [string, (path: string) => void][] = [
    ['written in place', (path) => writeFileSync(path, json(B))],
    [
      'another one is moved there',
      (path) => {
        writeFileSync(`${path}.new`, json(B))
        renameSync(`${path}.new`, path)
      },
    ],
    [
      'moved away, and written anew',
      (path) => {
        renameSync(path, `${path}~`)
        writeFileSync(path, json(B))
      },
    ],
    [
      'deleted, and written anew',
      (path) => {
        unlinkSync(path)
        writeFileSync(path, json(B))
      },
    ],
    [
      'emptied, and written piece by piece',
      (path) => {
        writeFileSync(path, '')
        for (const piece of json(B)) appendFileSync(path, piece)
      },
    ],
  ]
  test.each(changes)('%s', async (_name, change) => {
    const path = join(folder(), 'peers.json')
    writeFileSync(path, json(A))
    const reader = read(path)
    expect(await reader.next()).toEqual([A])
    await until(() => reader.clock.pending > 0)
    change(path)
    const next = reader.next()
    await settled(reader)
    expect(await next).toEqual([B])
  })

  test('a link that leads elsewhere, as container platforms mount their settings', async () => {
    const path = folder()
    for (const [version, url] of [
      ['1', A],
      ['2', B],
    ] as const) {
      mkdirSync(join(path, version))
      writeFileSync(join(path, version, 'peers.json'), json(url))
    }
    symlinkSync('1', join(path, '..data'))
    symlinkSync(join('..data', 'peers.json'), join(path, 'peers.json'))
    const reader = read(join(path, 'peers.json'))
    expect(await reader.next()).toEqual([A])
    await until(() => reader.clock.pending > 0)
    symlinkSync('2', join(path, '..data_tmp'))
    renameSync(join(path, '..data_tmp'), join(path, '..data'))
    const next = reader.next()
    await settled(reader)
    expect(await next).toEqual([B])
  })

  test('half written: nothing is read before it has been left alone', async () => {
    const path = join(folder(), 'peers.json')
    writeFileSync(path, json(A))
    const reader = read(path)
    await reader.next()
    const { clock } = reader
    await until(() => clock.pending > 0)
    writeFileSync(path, json(A, B).slice(0, 20))
    const next = reader.next()
    await until(() => clock.nextDue === clock.now() + 100)
    clock.advance(99)
    writeFileSync(path, json(A, B))
    // The pause begins anew.
    await until(() => clock.nextDue === clock.now() + 100)
    clock.advance(100)
    expect(await next).toEqual([A, B])
  })

  test('left half written: that is told once, and the list stays until there is another', async () => {
    const path = join(folder(), 'peers.json')
    writeFileSync(path, json(A))
    const reader = read(path)
    await reader.next()
    await until(() => reader.clock.pending > 0)
    writeFileSync(path, '["http')
    let next = reader.next()
    await settled(reader)
    expect(await next).toMatch(/is not valid JSON/)
    next = reader.next()
    for (let i = 0; i < 3; i++) {
      reader.clock.advance(5000)
      await until(() => reader.clock.pending > 0)
    }
    writeFileSync(path, json(B))
    await settled(reader)
    expect(await next).toEqual([B])
  })

  test('gone, and back', async () => {
    const path = join(folder(), 'peers.json')
    const reader = read(path)
    expect(await reader.next()).toBe('ENOENT')
    await until(() => reader.clock.pending > 0)
    writeFileSync(path, json(A))
    let next = reader.next()
    await settled(reader)
    expect(await next).toEqual([A])
    unlinkSync(path)
    next = reader.next()
    await settled(reader)
    expect(await next).toBe('ENOENT')
    writeFileSync(path, json(A))
    next = reader.next()
    await settled(reader)
    expect(await next).toEqual([A])
  })

  test('where nobody tells of a change, it is found by looking', async () => {
    const path = folder()
    const elsewhere = folder()
    writeFileSync(join(elsewhere, 'real.json'), json(A))
    symlinkSync(join(elsewhere, 'real.json'), join(path, 'peers.json'))
    const reader = read(join(path, 'peers.json'), { poll: '2s' })
    expect(await reader.next()).toEqual([A])
    writeFileSync(join(elsewhere, 'real.json'), json(A, B))
    const next = reader.next()
    await reader.pass(2000)
    expect(await next).toEqual([A, B])
  })

  test('the whole directory is another one', async () => {
    const path = join(folder(), 'settings')
    const reader = read(join(path, 'peers.json'))
    expect(await reader.next()).toBe('ENOENT')
    mkdirSync(path)
    writeFileSync(join(path, 'peers.json'), json(A))
    let next = reader.next()
    await reader.pass(5000)
    expect(await next).toEqual([A])
    await calm(reader)
    renameSync(path, `${path}-old`)
    mkdirSync(path)
    writeFileSync(join(path, 'peers.json'), json(B))
    next = reader.next()
    reader.clock.advance(5000)
    expect(await next).toEqual([B])
    // And of the new one it is heard.
    await calm(reader)
    writeFileSync(join(path, 'peers.json'), json(A, B))
    next = reader.next()
    await settled(reader)
    expect(await next).toEqual([A, B])
  })
})

test('its end leaves no timer, and who waits is told', async () => {
  const path = join(folder(), 'peers.json')
  writeFileSync(path, json(A))
  const reader = read(path)
  await reader.next()
  await until(() => reader.clock.pending > 0)
  const next = reader.next()
  await reader.end()
  expect(await next).toBe('end')
  expect(reader.clock.pending).toBe(0)
  writeFileSync(path, json(B))
  await turns()
  expect(reader.clock.pending).toBe(0)
})

test.each<[string, unknown, object, RegExp]>([
  ['no path', '', {}, /path must be the path of a file/],
  ['no text', 1, {}, /path must be the path of a file/],
  ['a format', 'a', { format: 'toml' }, /format must be 'json' or 'yaml'/],
  ['a pause', 'a', { debounce: -1 }, /debounce must be a time/],
  ['an option', 'a', { pol: 1 }, /pol is not an option.*poll/],
])('%s is refused', (_name, path, options, message) => {
  expect(() => fromFile(path as string, options)).toThrow(ConfigurationError)
  expect(() => fromFile(path as string, options)).toThrow(message)
})

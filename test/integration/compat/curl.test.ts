/** curl through the balancer, in HTTP/1.1 and HTTP/2, in front of real processes of which one is killed. */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { serve } from '../../helpers/serve.js'
import type { Served } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { curl, folder, noCurl, trusting } from './curl.js'
import type { CurlRun } from './curl.js'
import { killAndRestart, load } from './load.js'
import { twoPeers } from './peer-process.js'

if (noCurl !== undefined) console.warn(`the tests with curl are skipped: ${noCurl}`)

watchProcess()

const LONG = Buffer.alloc(5 << 20, 'five megabytes of this. ')
const UPLOAD = randomBytes(5 << 20)
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

const peers = noCurl === undefined ? twoPeers() : []

interface Stage extends Served {
  /** Asks the balancer for these paths, in one call. */
  ask(paths: string | readonly string[], ...args: string[]): Promise<CurlRun>
  /** A file with these bytes. */
  file(bytes: Buffer): string
}

interface Way {
  /** As `curl -w '%{http_version}'` has it. */
  readonly version: '1.1' | '2'
  readonly kind: 'http' | 'http2'
  readonly option: string
}

const WAYS: [string, Way][] = [
  ['HTTP/1.1', { version: '1.1', kind: 'http', option: '--http1.1' }],
  ['HTTP/1.1 over TLS', { version: '1.1', kind: 'http2', option: '--http1.1' }],
  ['HTTP/2', { version: '2', kind: 'http2', option: '--http2' }],
]

async function stage({ kind, option }: Way): Promise<Stage> {
  const path = folder()
  const served = await serve(
    { upstream: peers.map(({ url }) => url) },
    { probe: { interval: 100 } },
    { kind },
  )
  const base = kind === 'http' ? 'http://127.0.0.1:' : 'https://localhost:'
  const options = kind === 'http' ? [option] : [option, ...trusting(path)]
  let files = 0
  return {
    ...served,
    ask: (paths, ...args) =>
      curl([
        ...options,
        ...args,
        ...[paths].flat().map((each) => `${base}${String(served.port)}${each}`),
      ]),
    file(bytes) {
      const file = join(path, String(files++))
      writeFileSync(file, bytes)
      return file
    },
  }
}

describe.skipIf(noCurl !== undefined).each(WAYS)('curl, %s', { timeout: 60_000 }, (_name, way) => {
  it('GET, HEAD, and several URLs in one call on one connection', async () => {
    const { ask } = await stage(way)
    const { code, body } = await ask(
      ['/short1', '/short2', '/short3'],
      ...['-w', '\n%{http_version} %{http_code} %{num_connects}\n'],
    )
    expect(code).toBe(0)
    const lines = body.toString().trim().split('\n')
    const [one, two] = peers.map(({ name }) => name)
    expect(lines).toEqual([
      JSON.stringify({ peer: one, url: '/short1' }),
      `${way.version} 200 1`,
      JSON.stringify({ peer: two, url: '/short2' }),
      `${way.version} 200 0`,
      JSON.stringify({ peer: one, url: '/short3' }),
      `${way.version} 200 0`,
    ])
    const head = await ask('/long', '-I')
    expect(head.code).toBe(0)
    expect(head.body.toString()).toMatch(
      /^HTTP\/[12.]+ 200 .*\r\n(.+\r\n)*content-length: 5242880/im,
    )
  })

  it('5 MB down', async () => {
    const { ask } = await stage(way)
    const { code, body } = await ask('/long')
    expect(code).toBe(0)
    expect(body.equals(LONG)).toBe(true)
  })

  it('5 MB up, as PUT, as POST, as a form and of unknown length', async () => {
    const { ask, file } = await stage(way)
    const upload = file(UPLOAD)
    const digest = sha256(UPLOAD)
    const type = ['-H', 'Content-Type: application/octet-stream']
    for (const [args, expected] of [
      [['-T', upload], `PUT ${digest}`],
      [['-T', upload, '-H', 'Transfer-Encoding: chunked'], `PUT ${digest}`],
      [[...type, '--data-binary', `@${upload}`], `POST ${digest}`],
    ] as const) {
      const { code, body } = await ask('/digest', ...args)
      expect(code).toBe(0)
      expect(body.toString()).toBe(expected)
    }
    const form = await ask('/digest', '-F', `file=@${upload}`)
    expect(form).toMatchObject({ code: 0 })
    expect(form.body.toString()).toMatch(/^POST [0-9a-f]{64}$/)
  })

  it('a body that waits for 100 (Continue)', async () => {
    const { ask, file } = await stage(way)
    const { code, body, talk } = await ask(
      '/digest',
      ...['-v', '--expect100-timeout', '60', '-H', 'Expect: 100-continue', '-T', file(UPLOAD)],
    )
    expect(code).toBe(0)
    expect(body.toString()).toBe(`PUT ${sha256(UPLOAD)}`)
    expect(talk).toMatch(/^> expect: 100-continue/im)
    expect(talk).toMatch(/^< HTTP\/[12.]+ 100 /m)
  })

  it('a coding of the peer, undone by curl', async () => {
    const { ask } = await stage(way)
    const { code, body, talk } = await ask('/encoded', '-v', '--compressed')
    expect(code).toBe(0)
    expect(talk).toMatch(/^< content-encoding: gzip/im)
    expect(body.equals(LONG)).toBe(true)
  })

  it('103 (Early Hints) before the answer', async () => {
    const { ask } = await stage(way)
    const { code, body, talk } = await ask('/hints', '-v')
    expect(code).toBe(0)
    expect(body.toString()).toBe('hinted')
    expect(talk).toMatch(/^< HTTP\/[12.]+ 103 .*\s+< link: <\/style.css>[^]*^< HTTP\/[12.]+ 200 /im)
  })

  it('trailers behind the body', async () => {
    const { ask, file } = await stage(way)
    const fields = file(Buffer.from(''))
    const { code, body } = await ask('/trailers', '-D', fields, '-H', 'TE: trailers')
    expect(code).toBe(0)
    expect(body.toString()).toBe('a body, and a trailer')
    expect(readFileSync(fields, 'latin1')).toMatch(/^trailer: X-Digest[^]*^x-digest: abc\s*$/im)
  })

  // Short answers: one that has begun and is over 64k cannot be saved, whatever a balancer does.
  it('no request fails while a peer is killed and started again', async () => {
    await peers[0]!.prepare()
    const { ask, file, balancer, errors } = await stage(way)
    const body = file(Buffer.from('a short body'))
    const done = sha256(Buffer.from('a short body'))
    const failed: string[] = []
    const gets = async (...options: string[]): Promise<void> => {
      // One connection for a hundred requests, and then a new one.
      const run = await ask('/short[1-100]', '-w', '\n%{http_code}\n', ...options)
      const statuses = run.body.toString().match(/^\d{3}$/gm) ?? []
      if (run.code !== 0 || statuses.length !== 100 || statuses.some((status) => status !== '200'))
        failed.push(`${String(run.code)} ${run.talk} ${statuses.join(' ')}`)
    }
    const puts = async (): Promise<void> => {
      const run = await ask('/digest', '-X', 'PUT', '--data-binary', `@${body}`)
      if (run.body.toString() !== `PUT ${done}`) failed.push(`${String(run.code)} ${run.talk}`)
    }
    const loads = [load(1, () => gets()), load(1, () => gets('--parallel')), load(1, puts)]
    await killAndRestart(balancer, peers[0]!)
    await Promise.all(loads.map((each) => each.stop()))
    expect(failed).toEqual([])
    expect(errors).toEqual([])
  })
})

describe.skipIf(noCurl !== undefined)('curl, asking for h2c', () => {
  it('gets an ordinary answer in HTTP/1.1, and can go on', async () => {
    const way: Way = { version: '1.1', kind: 'http', option: '--http2' }
    const { ask, file, finished } = await stage(way)
    const { code, body, talk } = await ask(
      ['/short1', '/short2'],
      '-v',
      '-w',
      '\n%{http_version} %{http_code}\n',
    )
    expect(code).toBe(0)
    expect(talk).toMatch(/^> Upgrade: h2c/im)
    expect(talk).not.toMatch(/^< HTTP\/1.1 101/m)
    expect(body.toString().match(/^1.1 200$/gm)).toHaveLength(2)
    const upload = await ask('/digest', '-T', file(UPLOAD))
    expect(upload.body.toString()).toBe(`PUT ${sha256(UPLOAD)}`)
    expect(finished.map(({ status }) => status)).toEqual([200, 200, 200])
  })
})

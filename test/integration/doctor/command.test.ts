/** `evenkeel doctor`: files, arguments, exit codes, and what it prints. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { doctorCommand } from '../../../src/cli/doctor.js'
import { runCli } from '../../../src/cli/run.js'
import type { DoctorReport } from '../../../src/doctor/report.js'
import { FORMAT, accessLine, blackout, calm, errorLine, iso } from '../../unit/doctor/lines.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-doctor-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

const put = (name: string, content: string | Buffer): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

async function run(
  ...args: readonly string[]
): Promise<{ code: number; out: string; err: string; report: DoctorReport }> {
  let out = ''
  let err = ''
  const code = await runCli([doctorCommand], ['doctor', ...args], {
    stdout: (text) => (out += text),
    stderr: (text) => (err += text),
    colour: false,
  })
  const report = (out.startsWith('{') ? JSON.parse(out) : undefined) as DoctorReport
  return { code, out, err, report }
}

const format = ['--log-format', FORMAT]

describe('files', () => {
  it('gzip, rotated, several and by a pattern: in the order of time, whatever their names', async () => {
    put('rotated.log.2.gz', gzipSync(calm(0, 60)))
    put('rotated.log.1', blackout(60))
    put('rotated.log', `${calm(80, 20)}${blackout(120)}`)
    const pattern = join(folder, 'rotated.log*')
    const { code, report } = await run('--access-log', pattern, ...format, '--json')
    expect(code).toBe(1)
    expect(report.read.map(({ lines }) => lines)).toHaveLength(3)
    expect(report.bunches.map(({ start }) => start)).toEqual([iso(60), iso(120)].map(Date.parse))
    const named = await run(
      ...['rotated.log', 'rotated.log.2.gz', 'rotated.log.1'].flatMap((name) => [
        '--access-log',
        join(folder, name),
      ]),
      ...format,
      '--json',
    )
    expect(named.report.bunches).toHaveLength(2)
  })

  it.each([
    ['syslog', (line: string) => `<190>Nov 12 10:00:00 web nginx: ${line}`],
    ['journalctl', (line: string) => `Nov 12 10:00:00 web nginx[7]: ${line}`],
    ['Docker', (line: string) => JSON.stringify({ log: `${line}\n`, stream: 'stdout' })],
    ['Kubernetes', (line: string) => `2026-11-12T10:00:00.123456789Z stderr F ${line}`],
    ['compose', (line: string) => `web-1  | 2026-11-12T10:00:00.123456789Z ${line}`],
  ] as const)('both logs in one file, as %s writes them', async (_, wrapped) => {
    const errors = Array.from({ length: 9 }, (__, i) => errorLine(2 + i, 'no live upstreams'))
    const lines = `${calm(0, 2)}${blackout(2)}${errors.join('')}`.trimEnd().split('\n')
    const file = put('wrapped.log', `${lines.map(wrapped).join('\n')}\nnginx 1.22 says hello\n`)
    const plain = put('plain.log', `${calm(0, 2)}${blackout(2)}`)
    const plainErrors = put('plain-error.log', errors.join(''))
    const both = ['--utc-offset=+00:00', ...format, '--json']
    const { code, report } = await run('--access-log', file, '--error-log', file, ...both)
    const same = await run('--access-log', plain, '--error-log', plainErrors, ...both)
    expect(code).toBe(1)
    expect(report.bunches).toHaveLength(1)
    const found = ({ report: { bunches } }: { report: DoctorReport }): unknown =>
      JSON.parse(
        JSON.stringify(bunches, (key, value: unknown) => (key === 'evidence' ? '…' : value)),
      )
    expect(found({ report })).toEqual(found(same))
    expect(report.bunches[0]!.evidence.map(({ text }) => text)).toContain(
      wrapped(lines.find((line) => line.includes('no live upstreams'))!),
    )
    expect(report.read.map(({ unmatched }) => unmatched)).toEqual([1, 1])
  })

  it('a format as it stands in an nginx.conf', async () => {
    const access = put('conf-format.log', `${calm(0, 2)}${blackout(2)}`)
    const text = FORMAT.replaceAll('\t', '\\t')
    const { report } = await run('--access-log', access, '--log-format', text, '--json')
    expect(report.bunches).toHaveLength(1)
  })

  it('without a configuration the upstream has the name that the logs give it', async () => {
    const access = put('name.log', `${calm(0, 2)}${blackout(2)}`)
    const errors = put(
      'name-error.log',
      Array.from({ length: 9 }, (_, i) =>
        errorLine(2 + i, 'no live upstreams', { upstream: 'shop' }),
      ).join(''),
    )
    const addresses = put(
      'address-error.log',
      Array.from({ length: 9 }, (_, i) =>
        errorLine(2 + i, 'no live upstreams', { upstream: '10.0.0.1:80' }),
      ).join(''),
    )
    const nameIn = async (...args: readonly string[]): Promise<string | undefined> => {
      const { report } = await run(...args, '--utc-offset=+00:00', '--json')
      return report.bunches[0]?.upstream
    }
    expect(await nameIn('--access-log', access, ...format)).toBe('example')
    expect(await nameIn('--error-log', errors)).toBe('shop')
    expect(await nameIn('--error-log', addresses)).toBe('')
    const refused = Array.from({ length: 9 }, (_, i) =>
      accessLine(2 + i, { status: 502, addr: '10.0.0.1:80', header: '-', connect: '-' }),
    )
    const peers = put('peers.log', `${calm(0, 2)}${refused.join('')}`)
    expect(await nameIn('--access-log', peers, ...format)).toBe('')
  })

  it('a gzipped file that is cut off is read as far as it goes', async () => {
    const whole = gzipSync(Array.from({ length: 400 }, (_, i) => blackout(i * 30)).join(''))
    const cut = put('cut.gz', whole.subarray(0, Math.floor(whole.length / 2)))
    const { report } = await run('--access-log', cut, ...format, '--json')
    expect(report.notes.join()).toContain('could not be read to its end')
    expect(report.bunches.length).toBeGreaterThan(20)
  })

  it('the configuration names logs and formats', async () => {
    const access = put('named.log', `${calm(0, 5)}${blackout(5)}`)
    const conf = put(
      'nginx.conf',
      `error_log ${join(folder, 'not-here.log')};
       http { log_format tabs '${FORMAT.replaceAll('\t', '\\t')}'; access_log ${access} tabs;
       upstream example { server 10.0.0.1; server 10.0.0.2; }
       server { location / { proxy_pass http://example; proxy_next_upstream error http_500; } } }`,
    )
    const { report } = await run(conf, '--json')
    expect(report.bunches).toHaveLength(1)
    expect(report.bunches[0]?.upstream).toBe('example')
    expect(report.lint.map(({ rule }) => rule)).toContain('application-errors-mark-peers')
    expect(report.notes.join()).toContain('not-here.log')
  })

  it('the error log has local time: as the access log, or as is said', async () => {
    const access = put('zone.log', blackout(0, '+05:30'))
    const error = put('zone-error.log', errorLine(0, 'no live upstreams', { offset: 5.5 }))
    const both = await run('--access-log', access, '--error-log', error, ...format, '--json')
    expect(both.report.notes.join()).not.toContain('different times')
    const wrong = await run(
      ...['--access-log', access, '--error-log', error, ...format],
      ...['--utc-offset=-08:00', '--json'],
    )
    expect(wrong.report.notes.join()).toContain('different times')
  })

  it('lines of another format are counted and shown', async () => {
    const mixed = put('mixed.log', `${blackout(0)}garbage\nmore \x1b[31mgarbage\n`)
    const { report } = await run('--access-log', mixed, ...format, '--json')
    expect(report.read[0]).toMatchObject({ unmatched: 2 })
    expect(report.read[0]?.examples[1]?.text).toBe('more \\x1B[31mgarbage')
  })
})

describe('exit codes', () => {
  it('0 for a log without anything', async () => {
    const path = put('calm.log', calm(0, 30))
    const { code, out } = await run('--access-log', path, ...format)
    expect(code).toBe(0)
    expect(out).toContain('Nothing found.')
  })

  it.each([
    [[], 'nothing to read'],
    [['--access-log', '/nowhere/access.log'], 'there is no file'],
    [['--frobnicate'], '--frobnicate'],
    [['a.conf', 'b.conf'], 'one configuration file'],
    [['--access-log', 'x', '--gap', 'soon'], '--gap'],
    [['--access-log', 'x', '--min', '0'], '--min'],
    [['--access-log', 'x', '--escape', 'xml'], '--escape'],
    [['--access-log', 'x', '--live'], '--live'],
    [['x.conf', '--live-path', '/a\r\nX: y'], '--live-path'],
  ])('2 for %j', async (args, text) => {
    const { code, err } = await run(...args)
    expect(code).toBe(2)
    expect(err).toContain(text)
  })

  it('2 for a log of an unknown format', async () => {
    const path = put('odd.log', 'what is this?\n')
    const { code, err } = await run('--access-log', path)
    expect(code).toBe(2)
    expect(err).toContain('--log-format')
  })
})

describe('output', () => {
  it('fits 80 columns, and obeys nothing that stands in a log', async () => {
    const evil = blackout(0).replaceAll(
      '/poison',
      `/\x1b[31m\x07<script>alert(1)</script>${'ä'.repeat(300)}`,
    )
    const path = put('evil.log', evil)
    const html = join(folder, 'report.html')
    const { out } = await run('--access-log', path, ...format, '--html', html)
    for (const line of out.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80)
    // eslint-disable-next-line no-control-regex
    expect(out).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
    const page = readFileSync(html, 'utf8')
    expect(page).not.toContain('<script')
    expect(page).toContain('&lt;script&gt;')
    expect(page).not.toMatch(/(?:src|href)=/)
    expect(page).toContain('<svg')
  })
})

/** `npx evenkeel import`: what it prints, what it takes where nothing is named, and its exit codes. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { importCommand } from '../../../src/cli/import.js'
import { runCli } from '../../../src/cli/run.js'

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function run(...args: string[]): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  const code = await runCli([importCommand], ['import', ...args], {
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    colour: false,
  })
  return { code, stdout, stderr }
}

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-import-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function file(text: string, name = 'nginx.conf'): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

describe('the printed TypeScript', () => {
  // The expected texts are modules of this project: the compiler and the linter look at them as well.
  it.each(['incident', 'everything'])('%s.conf is %s.ts', async (name) => {
    const path = `test/fixtures/nginx/${name}`
    const { stdout } = await run(`${path}.conf`)
    expect(stdout).toBe(readFileSync(`${path}.ts`, 'utf8'))
  })

  it('holds no secret, in no form', async () => {
    const path = 'test/fixtures/nginx/everything.conf'
    for (const more of [[], ['--json'], ['--upstream', 'app']]) {
      const { stdout, stderr } = await run(path, ...more)
      expect(stdout + stderr).not.toContain('dXNlcjpzZWNyZXQ')
    }
  })

  it('cannot be broken out of, whatever names are in the file', async () => {
    const path = file(
      'upstream "a\';process.exit(1)//\\n\u2028x" { server 10.0.0.1; sticky cookie "__proto__" "path=/\\\\\'\x1b[2J"; }',
    )
    const { stdout } = await run(path)
    // eslint-disable-next-line no-control-regex -- none of them may reach a terminal
    expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\u2028]/)
    expect(stdout).toContain("name: 'a\\';process.exit(1)//\\n\\u{2028}x'")
  })
})

describe('what is taken', () => {
  const TWO = `upstream a { server 10.0.0.1; } upstream b { server 10.0.0.2; }
server { server_name x.org; location /a { proxy_pass http://a; } location /b { proxy_pass http://b; } }`

  it('the only location, the only upstream', async () => {
    const location = await run(
      file(
        'upstream a { server 10.0.0.1; keepalive 4; keepalive_timeout 4s; } location ^~ /x { proxy_pass http://a; }',
      ),
    )
    expect(location.stdout).toContain('location ^~ /x')
    const upstream = await run(
      file('upstream a { server 10.0.0.1; keepalive 4; keepalive_timeout 4s; }'),
    )
    expect(upstream).toMatchObject({ code: 0, stderr: '' })
    expect(upstream.stdout).toContain('upstream a')
  })

  it('of several it lists what there is', async () => {
    const path = file(TWO)
    const { code, stdout, stderr } = await run(path)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    for (const line of [`--location '/a' --server x.org   ${path}:2`, '--upstream b   '])
      expect(stderr).toContain(line)
    expect((await run(file(''))).stderr).toContain('neither a location')
    const twice = file(`${TWO} ${TWO.replace('{ server_name', '{ listen 443 ssl; server_name')}`)
    expect((await run(twice)).stderr).toContain("--location '/b' --server x.org:443   ")
  })

  it('the one that is named', async () => {
    const path = file(TWO)
    expect((await run(path, '--location', '/b')).stdout).toContain("name: 'b'")
    expect((await run(path, '--upstream', 'a', '--preset', 'nginx')).stdout).toContain(
      "preset: 'nginx'",
    )
    expect((await run(path, '--location', '/c')).stderr).toContain('there is no location for "/c"')
  })

  it('included files, and the output of nginx -T', async () => {
    mkdirSync(join(folder, 'conf.d'))
    file('upstream a { server 10.0.0.1; }', 'conf.d/a.conf')
    file('garbage', 'conf.d/.hidden.conf')
    const text = 'http { include conf.d/*.conf; location / { proxy_pass http://a; } }'
    expect((await run(file(text), '--upstream', 'a')).stdout).toContain('10.0.0.1')
    const dump = file(
      `# configuration file /etc/nginx.conf:\n${text}\n\n# configuration file /etc/conf.d/a.conf:\nupstream a { server 10.0.0.9; }\n`,
      'dump',
    )
    expect((await run(dump, '--upstream', 'a')).stdout).toContain('10.0.0.9')
    expect((await run(file('include none.conf;'))).stderr).toContain(
      'open() "none.conf" failed (2: No such file or directory)',
    )
  })
})

describe('exit codes', () => {
  it('1 for danger and for problems', async () => {
    expect(await run('test/fixtures/nginx/incident.conf')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('danger  test/fixtures/nginx/incident.conf:38') as string,
    })
    expect(
      await run(file('upstream a { server 10.0.0.1 server_fail_timeout=10s; }')),
    ).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('invalid parameter "server_fail_timeout=10s"') as string,
    })
  })

  it.each([
    [[], 'which file?'],
    [['a', 'b'], 'what is "b"?'],
    [['a', '--what'], "Unknown option '--what'"],
    [['a', '--upstream', 'a', '--location', '/'], 'either --upstream or --location'],
    [['a', '--preset', 'x'], '--preset is nginx or evenkeel'],
    [['/nowhere'], 'no such file'],
    [['/dev/zero'], '/dev/zero is not a file'],
  ])('2 for %j', async (args, message) => {
    const { code, stderr } = await run(...args)
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })

  it('2 for a file that nginx does not read', async () => {
    const path = file('http {\n')
    expect(await run(path)).toMatchObject({
      code: 2,
      stderr: `evenkeel import: unexpected end of file, expecting "}" in ${path}:2\n`,
    })
  })
})

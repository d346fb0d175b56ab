/** The incident's nginx.conf becomes a balancer, and the incident is played at it: no bystander fails. */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { AddressInfo } from 'node:net'
import { createBalancer, fromNginx, printImport } from 'evenkeel'
import type { NginxImport } from 'evenkeel'
import { createMockUpstream, respond } from 'evenkeel/testing'
import type { MockUpstream } from 'evenkeel/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { goodPeer } from '../../fixtures/test-only-authority.js'
import { nginxBinary } from '../../conformance/differential/nginx-process.js'

const CONF = readFileSync('test/fixtures/nginx/incident.conf', 'utf8')

let peers: MockUpstream[] = []
let folder = ''
const cleanUp: (() => unknown)[] = []
/** Of the access log. */
let lines: string[] = []

beforeEach(async () => {
  lines = []
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-incident-'))
  peers = [await createMockUpstream(), await createMockUpstream()]
  for (const [at, peer] of peers.entries()) {
    peer.reply(respond({ body: `peer ${at}` }))
    peer.route('/broken', respond({ status: 500, body: "the application's own 500" }))
  }
})
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end()
  for (const peer of peers) await peer.close()
  rmSync(folder, { recursive: true, force: true })
})

/** The fixture, in front of the mock upstreams. */
function conf(): string {
  return CONF.replace('127.0.0.1:8081', peers[0]!.address).replace(
    '127.0.0.1:8082',
    peers[1]!.address,
  )
}

/** Serves what was imported, in this process. */
async function serve({ options }: NginxImport): Promise<number> {
  const balancer = createBalancer({
    ...options,
    accessLog: {
      ...(options.accessLog as object),
      stream: { write: (line) => lines.push(line) > 0 },
    },
  })
  const server = createServer(balancer).listen(0, '127.0.0.1')
  cleanUp.push(
    () => balancer.close({ timeout: 0 }),
    () => server.close(),
    () => server.closeAllConnections(),
  )
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Runs what was printed, in a process of its own. */
async function runPrinted(imported: NginxImport): Promise<number> {
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(resolve('.'), join(folder, 'node_modules/evenkeel'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(join(folder, 'balancer.ts'), printImport(imported))
  writeFileSync(
    join(folder, 'main.ts'),
    "import { server } from './balancer.js'\nserver.on('listening', () => process.send?.(server.address()))\n",
  )
  const child = spawn(
    process.execPath,
    ['--conditions=evenkeel-source', '--import', import.meta.resolve('tsx'), 'main.ts'],
    {
      cwd: folder,
      env: { ...process.env, PORT: '0' },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    },
  )
  cleanUp.push(() => end(child))
  const [address] = (await once(child, 'message')) as [AddressInfo]
  return address.port
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** The broken page again and again, and somebody who asks for another after each: `status body`. */
async function play(port: number): Promise<{ broken: string[]; bystanders: string[] }> {
  const ask = async (path: string): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`)
    return `${answer.status} ${(await answer.text()).replace(/peer \d/, 'peer')}`
  }
  const broken: string[] = []
  const bystanders: string[] = []
  for (let round = 0; round < 6; round++) {
    broken.push(await ask('/broken'))
    bystanders.push(await ask('/fine'))
  }
  return { broken, bystanders }
}

const NOBODY_FAILS = {
  broken: Array<string>(6).fill("500 the application's own 500"),
  bystanders: Array<string>(6).fill('200 peer'),
}

describe("the incident's nginx.conf", () => {
  it('is a balancer at which the incident does not happen', async () => {
    const imported = fromNginx(conf(), { location: '/' })
    expect(imported.problems).toEqual([])
    expect(imported.options.nextUpstream).toMatchObject({
      on: expect.arrayContaining(['http_500']) as unknown,
    })
    expect(await play(await serve(imported))).toEqual(NOBODY_FAILS)
  })

  it('and so is what is printed, run as a process', { timeout: 30_000 }, async () => {
    expect(await play(await runPrinted(fromNginx(conf(), { location: '/' })))).toEqual(NOBODY_FAILS)
  })

  it("with preset: 'nginx' it happens", async () => {
    const { bystanders } = await play(
      await serve(fromNginx(conf(), { location: '/', preset: 'nginx' })),
    )
    expect(bystanders.filter((line) => line.startsWith('502'))).not.toEqual([])
  })

  it('the danger is named', () => {
    const { warnings } = fromNginx(CONF, { location: '/' })
    expect(warnings[0]).toMatchObject({
      rule: 'application-errors-mark-peers',
      severity: 'danger',
      line: 38,
    })
    expect(warnings.map(({ rule }) => rule)).toContain('marks-are-not-logged')
  })

  it('its access log is written, field by field', async () => {
    await play(await serve(fromNginx(conf(), { location: '/' })))
    const fields = await vi.waitFor(() => {
      const written = lines.join('').trimEnd().split('\n')
      expect(written).toHaveLength(12)
      return written.map((line) => line.split('\t'))
    })
    const [first = [], second = []] = fields
    expect(first).toHaveLength(10)
    // Both peers were asked, and the first one's answer is delivered.
    expect([first[3]?.endsWith('/broken'), first[4], first[8]]).toEqual([true, '500', '500, 500'])
    expect([second[4], second[8]]).toEqual(['200', '200'])
  })

  it('its format is told', () => {
    expect(fromNginx(CONF, { location: '/' }).logFormat).toMatchObject({
      name: 'upstream_tabs',
      format:
        '$time_iso8601\t$remote_addr\t$request_method\t$scheme://$host$request_uri\t$status\t$body_bytes_sent\t$request_time\t$upstream_addr\t$upstream_status\t$upstream_response_time',
    })
  })

  it.skipIf(nginxBinary === undefined)('nginx takes it', () => {
    writeFileSync(join(folder, 'tls.pem'), goodPeer.cert)
    writeFileSync(join(folder, 'tls.key'), goodPeer.key)
    const text = CONF.replace(/\S+\.pem;/, `${folder}/tls.pem;`)
      .replace(/\S+\.key;/, `${folder}/tls.key;`)
      .replaceAll(/\/(?:var\/log\/nginx|run)\//g, `${folder}/`)
      .replaceAll(/listen \d+/g, (listen) =>
        listen.replace(/\d+/, (port) => `127.0.0.1:${20000 + Number(port)}`),
      )
    writeFileSync(join(folder, 'nginx.conf'), text)
    const { stderr } = spawnSync(
      nginxBinary!.path,
      ['-t', '-p', folder, '-e', join(folder, 'early.log'), '-c', join(folder, 'nginx.conf')],
      { encoding: 'utf8' },
    )
    expect(stderr).toContain('test is successful')
  })
})

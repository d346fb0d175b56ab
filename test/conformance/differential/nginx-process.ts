/** A real nginx with a configuration of its own, in a folder of its own, ended by its pid on every path. */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../helpers/free-port.js'

const BINARIES = ['nginx', '/usr/sbin/nginx', '/usr/local/sbin/nginx']

/** Name and version, or undefined where there is none to compare with. */
export const nginxBinary = BINARIES.map((path) => {
  // With `-v` it reads no configuration; it prints to the error stream.
  const { status, stderr } = spawnSync(path, ['-v'], { encoding: 'utf8' })
  return { path, version: status === 0 ? stderr.trim().replace('nginx version: ', '') : undefined }
}).find(({ version }) => version !== undefined)

if (nginxBinary === undefined) {
  console.warn('no nginx binary here: the differential tests are skipped (Debian: package nginx)')
}

/** One line of the access log. */
export interface AccessLine {
  readonly step: string
  readonly status: string
  readonly addr: string
  readonly upstreamStatus: string
  readonly responseTime: string
  readonly connectTime: string
  readonly headerTime: string
  readonly responseLength: string
  readonly bytesReceived: string
}

const LOG_FORMAT = `{"step":"$http_x_step","status":"$status","addr":"$upstream_addr",\
"upstreamStatus":"$upstream_status","responseTime":"$upstream_response_time",\
"connectTime":"$upstream_connect_time","headerTime":"$upstream_header_time",\
"responseLength":"$upstream_response_length","bytesReceived":"$upstream_bytes_received"}`

export interface Nginx {
  readonly port: number
  accessLog(): readonly AccessLine[]
  errorLog(): string
  /** A file in its folder. */
  read(name: string): string
  stop(): Promise<void>
}

/** What stands in `upstream {}` and in the one `location {}`. */
export interface NginxParts {
  readonly upstream: string
  readonly location: string
  /** What stands in `server {}` besides. Files are taken to be in nginx's folder. */
  readonly server?: string
}

/** A single process (`master_process off`): one pid is all there is to end. */
function configuration(
  folder: string,
  port: number,
  { upstream, location, server = '' }: NginxParts,
): string {
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join('\n  ')
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log info;
events { worker_connections 256; }
http {
  ${temps}
  log_format conformance escape=json '${LOG_FORMAT}';
  access_log ${folder}/access.log conformance;
  ${upstream}
  server {
    listen 127.0.0.1:${port};
    ${server}
    location / {
      ${location}
    }
  }
}
`
}

export async function startNginx(parts: NginxParts): Promise<Nginx> {
  const { folder, port, stop } = await startConfigured((folder, port) =>
    configuration(folder, port, parts),
  )
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  return {
    port,
    accessLog: () =>
      read('access.log')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as AccessLine),
    errorLog: () => read('error.log'),
    read,
    stop,
  }
}

/** With a whole configuration, which has to have `daemon off`, `master_process off` and all its files in the folder. */
export async function startConfigured(
  configuration: (folder: string, port: number) => string,
): Promise<{ readonly folder: string; readonly port: number; stop(): Promise<void> }> {
  if (nginxBinary === undefined) throw new Error('no nginx binary')
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-nginx-'))
  const port = await freePort()
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port))
  const child = spawn(
    nginxBinary.path,
    ['-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
  const killNow = (): void => void child.kill('SIGKILL')
  process.once('exit', killNow)
  const stop = async (): Promise<void> => {
    await end(child)
    process.off('exit', killNow)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await listening(child, port)
  } catch (cause) {
    await stop()
    throw new Error(`nginx did not start: ${complaint}`, { cause })
  }
  return { folder, port, stop }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), 2000)
  await ended
  clearTimeout(force)
}

async function listening(child: ChildProcess, port: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (child.exitCode !== null) throw new Error(`it exited with ${child.exitCode}`)
    if (await accepts(port)) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('nobody listens after 5 s')
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

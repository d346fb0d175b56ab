/** A real nginx with real logs in front of mock upstreams, and somebody who asks for things and counts. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { createMockUpstream, respond } from 'evenkeel/testing'
import type { MockUpstream } from 'evenkeel/testing'
import { doctorCommand } from '../../src/cli/doctor.js'
import type { DoctorReport } from '../../src/doctor/report.js'
import { startConfigured } from './differential/nginx-process.js'

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

/** The incident's: tab-separated. */
const FORMAT = [
  '$time_iso8601',
  '$remote_addr',
  '$status',
  '$request',
  '$upstream_addr',
  '$upstream_status',
  '$upstream_connect_time',
  '$upstream_header_time',
  '$upstream_response_time',
  '$request_time',
  '"$http_user_agent"',
].join('\\t')

export interface ReplaySetup {
  /** In `upstream {}`, beside the servers. */
  readonly upstream?: string
  /** Of each server. */
  readonly server?: string
  readonly location?: string
  readonly format?: string
  readonly escape?: 'json'
  /** Of the error log. */
  readonly level?: string
}

export interface Asked {
  readonly path: string
  readonly status: number
}

export class Replay {
  readonly asked: Asked[] = []
  readonly peers: readonly MockUpstream[]
  readonly folder: string
  readonly #port: number
  readonly #stop: () => Promise<void>
  readonly #agent = new Agent({ keepAlive: true })

  private constructor(
    peers: readonly MockUpstream[],
    nginx: { readonly folder: string; readonly port: number; stop(): Promise<void> },
  ) {
    this.peers = peers
    this.folder = nginx.folder
    this.#port = nginx.port
    this.#stop = () => nginx.stop()
  }

  static async start(setup: ReplaySetup): Promise<Replay> {
    const answer = respond({ body: 'fine' })
    const peers = await Promise.all([
      createMockUpstream({ answer }),
      createMockUpstream({ answer }),
    ])
    const nginx = await startConfigured((folder, port) => configuration(folder, port, peers, setup))
    return new Replay(peers, nginx)
  }

  async ask(path: string): Promise<number> {
    const options = { host: '127.0.0.1', port: this.#port, path, agent: this.#agent }
    const [response] = (await once(get(options), 'response')) as [IncomingMessage]
    await once(response.resume(), 'end')
    const status = response.statusCode ?? 0
    this.asked.push({ path, status })
    return status
  }

  /** Asks for what works until that is answered this often in a row. */
  async recover(times = 8): Promise<void> {
    for (let good = 0; good < times;) {
      const status = await this.ask(`/page/${this.asked.length % 7}`)
      good = status === 200 ? good + 1 : 0
      await sleep(20)
    }
  }

  /** Asks for what works, for a while. */
  async calm(ms: number): Promise<void> {
    for (const until = Date.now() + ms; Date.now() < until;) {
      await this.ask(`/page/${this.asked.length % 7}`)
      await sleep(50)
    }
  }

  /** As those who asked have seen it. */
  lost(): number {
    return this.asked.filter(({ status }) => status === 502 || status === 504).length
  }

  /** nginx writes its line a moment after the answer. */
  async logged(): Promise<void> {
    while (this.#lines('access.log') < this.asked.length) await sleep(5)
  }

  async doctor(...args: readonly string[]): Promise<{ code: number; report: DoctorReport }> {
    await this.logged()
    let text = ''
    const code = await doctorCommand.run([...args, '--json'], {
      stdout: (more) => (text += more),
      stderr: () => undefined,
      colour: false,
    })
    return { code, report: JSON.parse(text) as DoctorReport }
  }

  get conf(): string {
    return join(this.folder, 'nginx.conf')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy()
    await this.#stop()
    for (const peer of this.peers) await peer.close()
  }

  #lines(name: string): number {
    return readFileSync(join(this.folder, name), 'latin1').split('\n').length - 1
  }
}

function configuration(
  folder: string,
  port: number,
  peers: readonly MockUpstream[],
  setup: ReplaySetup,
): string {
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join('\n  ')
  const { server = 'fail_timeout=1s', upstream = '', location = '', format = FORMAT } = setup
  const { escape = 'default', level = 'error' } = setup
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log ${level};
events { worker_connections 256; }
http {
  ${temps}
  log_format replay escape=${escape} '${format}';
  access_log ${folder}/access.log replay;
  upstream example {
    ${peers.map(({ address }) => `server ${address} ${server};`).join('\n    ')}
    ${upstream}
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://example;
      ${location}
    }
  }
}
`
}

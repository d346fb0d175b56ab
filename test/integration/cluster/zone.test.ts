/** Workers as real processes: what one of them finds out, all of them know. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Command, Saying } from './cluster-process.js'

type Said<S extends Saying['say']> = Extract<Saying, { say: S }>

let processes: ChildProcess[] = []
let servers: Server[] = []

afterEach(() => {
  // The workers end with their primary: its channel to them is closed.
  for (const child of processes) child.kill('SIGKILL')
  for (const server of servers) {
    server.close()
    server.closeAllConnections()
  }
  processes = []
  servers = []
})

interface TestPeer {
  readonly name: string
  readonly url: string
  /** `dead`: connections are taken and closed, whatever is sent. `silent`: no answer comes. */
  mode: 'well' | 'dead' | 'silent'
}

async function startPeer(mode: TestPeer['mode']): Promise<TestPeer> {
  const peer = { mode, name: '', url: '' }
  const server = createServer((req, res) => {
    req.resume()
    if (peer.mode === 'well' || req.method === 'OPTIONS') res.end('well')
  })
  server.on('connection', (socket: Socket) => {
    if (peer.mode === 'dead') socket.destroy()
  })
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  peer.name = `127.0.0.1:${(server.address() as AddressInfo).port}`
  peer.url = `http://${peer.name}`
  return peer
}

class Cluster {
  readonly #child: ChildProcess
  readonly said: Saying[] = []
  #waiting: (() => void)[] = []

  constructor(peers: readonly TestPeer[], env: Record<string, string> = {}) {
    const script = fileURLToPath(new URL('cluster-process.ts', import.meta.url))
    this.#child = fork(
      script,
      peers.map(({ url }) => url),
      {
        execArgv: ['--import', 'tsx', '--conditions=evenkeel-source'],
        env: { ...process.env, ...env },
        stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      },
    )
    this.#child.stderr?.on('data', (text: Buffer) => (this.stderr += text.toString()))
    this.#child.on('message', (saying: Saying) => {
      this.said.push(saying)
      for (const check of this.#waiting.splice(0)) check()
    })
    processes.push(this.#child)
  }

  stderr = ''

  tell(command: Command): void {
    this.#child.send(command)
  }

  /** The first of these sayings; waits for it as long as the test may run. */
  async hear<S extends Saying['say']>(say: S, worker: number, from = 0): Promise<Said<S>> {
    for (;;) {
      const found = this.said
        .slice(from)
        .find((each): each is Said<S> => each.say === say && each.worker === worker)
      if (found !== undefined) return found
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** The port of worker number `worker`, which is forked here. */
  async fork(worker: number): Promise<number> {
    this.tell({ do: 'fork' })
    return (await this.hear('listening', worker)).port
  }

  async report(worker: number): Promise<Said<'report'>> {
    const from = this.said.length
    this.tell({ do: 'report', worker })
    return this.hear('report', worker, from)
  }

  /** Asks until it is so: what is on its way has no event of its own. */
  async until(worker: number, holds: (report: Said<'report'>) => boolean): Promise<void> {
    while (!holds(await this.report(worker))) await new Promise((resolve) => setImmediate(resolve))
  }
}

function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host: '127.0.0.1', agent: false }, (res) => {
      let body = ''
      res.on('data', (chunk: Buffer) => (body += chunk.toString()))
      res.on('end', () => resolve(`${res.statusCode} ${body}`))
      res.on('error', reject)
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

async function askTimes(port: number, times: number): Promise<string[]> {
  const answers: string[] = []
  for (let i = 0; i < times; i++) answers.push(await ask(port))
  return answers
}

let well: TestPeer
let bad: TestPeer
beforeEach(async () => {
  well = await startPeer('well')
  bad = await startPeer('dead')
})

const ALL_WELL = Array.from({ length: 20 }, () => '200 well')

it('a peer that one worker ejects is not tried by the other, nor by one that is started later', async () => {
  const workers = new Cluster([bad, well])
  const [one, two] = [await workers.fork(1), await workers.fork(2)]
  expect(await askTimes(one, 2)).toEqual(['200 well', '200 well'])
  const ejected = await workers.hear('ejected', 1)
  const learnt = await workers.hear('ejected', 2)
  console.log(`known to the other worker after ${(learnt.at - ejected.at).toFixed(1)} ms`)
  // It has it from the first, and not from a failure of its own.
  expect([ejected.reason, learnt.reason]).toEqual(['error', 'shared'])
  expect(await askTimes(two, 20)).toEqual(ALL_WELL)
  expect((await workers.report(2)).attempts).toEqual({ [well.name]: 20 })
  const three = await workers.fork(3)
  expect(await askTimes(three, 20)).toEqual(ALL_WELL)
  expect((await workers.report(3)).attempts).toEqual({ [well.name]: 20 })

  // The first one found out, and probes. It is killed: another takes that over, and nothing is forgotten.
  workers.tell({ do: 'kill', worker: 1 })
  await workers.hear('gone', 1)
  const four = await workers.fork(4)
  expect(await askTimes(four, 20)).toEqual(ALL_WELL)
  expect((await workers.report(2)).status).toEqual({ [bad.name]: 'ejected', [well.name]: 'up' })
  bad.mode = 'well'
  const returned = await Promise.all([2, 3, 4].map((each) => workers.hear('returned', each)))
  expect(returned.map(({ reason }) => reason)).toEqual(['probe', 'shared', 'shared'])
})

it('a worker that is killed takes its connections along, and leaves its other traces', async () => {
  const workers = new Cluster([well])
  const one = await workers.fork(1)
  await workers.fork(2)
  const silent = await startPeer('silent')
  workers.tell({ do: 'add', worker: 1, url: silent.url })
  await workers.until(2, ({ status }) => status[silent.name] === 'up')
  well.mode = 'silent'
  for (let i = 0; i < 6; i++) ask(one).catch(() => undefined)
  await workers.until(
    2,
    ({ connections }) => connections[well.name] === 3 && connections[silent.name] === 3,
  )
  workers.tell({ do: 'kill', worker: 1 })
  await workers.until(
    2,
    ({ connections }) => connections[well.name] === 0 && connections[silent.name] === 0,
  )
  await workers.fork(3)
  expect((await workers.report(3)).status).toEqual({ [well.name]: 'up', [silent.name]: 'up' })
})

it('without a hub each worker stands alone, serves, and says so', async () => {
  const workers = new Cluster([bad, well], { HUB: 'none' })
  const [one, two] = [await workers.fork(1), await workers.fork(2)]
  expect(await askTimes(one, 2)).toEqual(['200 well', '200 well'])
  expect(await askTimes(two, 2)).toEqual(['200 well', '200 well'])
  const both = [await workers.hear('ejected', 1), await workers.hear('ejected', 2)]
  expect(both.map(({ reason }) => reason)).toEqual(['error', 'error'])
  expect(workers.stderr).toContain(
    'zone "edge": nobody answers; is shareZones() called in the primary?',
  )
})

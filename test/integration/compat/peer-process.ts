/** Upstream servers as processes of their own, to be killed and started again. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll } from 'vitest'

const program = fileURLToPath(new URL('./peer-process.mjs', import.meta.url))

// Below the ephemeral ports: the system gives a peer's port to nobody while it is down. And beside those of the replay.
const FIRST_PORT = 12_000
const PORTS = 8_000

export type PeerKind = 'http' | 'socket.io'

export class PeerProcess {
  readonly name: string
  readonly port: number
  readonly #kind: PeerKind
  #child: ChildProcess
  #standby: ChildProcess | undefined

  constructor(name: string, kind: PeerKind, port: number, child: ChildProcess) {
    this.name = name
    this.port = port
    this.#kind = kind
    this.#child = child
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.port)}`
  }

  /** Has its next process loaded: then it is away for as long as the test wants, and not for the start of a process. */
  async prepare(): Promise<void> {
    this.#standby ??= await startChild(this.name, this.#kind)
  }

  /** SIGKILL, in the middle of whatever it was doing. Resolves when it is gone, and its sockets with it. */
  async kill(): Promise<void> {
    await kill(this.#child)
  }

  /** A new process on the same port. Resolves when it listens. */
  async restart(): Promise<void> {
    await this.prepare()
    this.#child = this.#standby!
    this.#standby = undefined
    // Somebody's outgoing connection may have the port for a moment.
    while (!(await listen(this.#child, this.port))) await new Promise(setImmediate)
  }

  async stop(): Promise<void> {
    await kill(this.#child)
    if (this.#standby !== undefined) await kill(this.#standby)
  }
}

/** Two of them for all tests of a file, named `one` and `two`. A test leaves them running. */
export function twoPeers(kind: PeerKind = 'http'): readonly PeerProcess[] {
  const peers: PeerProcess[] = []
  beforeAll(async () => {
    for (const name of ['one', 'two']) peers.push(await startPeer(name, kind))
  })
  afterAll(() => Promise.all(peers.map((peer) => peer.stop())))
  return peers
}

async function startPeer(name: string, kind: PeerKind): Promise<PeerProcess> {
  const child = await startChild(name, kind)
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS)
    if (await listen(child, port)) return new PeerProcess(name, kind, port, child)
  }
}

/** Under plain Node: our own flags, a loader or a coverage hook, are not for it. */
async function startChild(name: string, kind: PeerKind): Promise<ChildProcess> {
  const child = fork(program, [name, kind], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  await hear(child)
  return child
}

/** False when somebody else has the port. */
async function listen(child: ChildProcess, port: number): Promise<boolean> {
  const answer = hear(child)
  child.send({ listen: port })
  return (await answer) === 'listening'
}

async function hear(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController()
  const onExit = (): void => ended.abort(new Error('the upstream process has ended by itself'))
  child.once('exit', onExit)
  try {
    const [message] = (await once(child, 'message', { signal: ended.signal })) as [unknown]
    return message
  } finally {
    child.off('exit', onExit)
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

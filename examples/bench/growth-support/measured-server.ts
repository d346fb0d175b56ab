/** The benchmark's end of the process that is measured. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Children } from './children.js'
import type { Answer, Question, Snapshot, Start, Tally } from './protocol.js'

const SCRIPT = fileURLToPath(new URL('./server-process.mjs', import.meta.url))

export class MeasuredServer {
  readonly port: number
  readonly pid: number
  readonly #children: Children
  readonly #child: ChildProcess

  private constructor(children: Children, child: ChildProcess, port: number) {
    this.#children = children
    this.#child = child
    this.port = port
    this.pid = child.pid ?? -1
  }

  /** undefined: the package has no such transport. */
  static async start(children: Children, start: Start): Promise<MeasuredServer | undefined> {
    const args = ['--expose-gc', SCRIPT, JSON.stringify(start)]
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const
    const child = children.add(spawn(process.execPath, args, { stdio: [...stdio] }))
    const first = await answerOf(child)
    if (first.say === 'listening') return new MeasuredServer(children, child, first.port)
    await children.stop(child)
    return undefined
  }

  /** With the garbage still there, or after it is collected. */
  async snapshot(garbage: 'kept' | 'collected' = 'kept'): Promise<Snapshot> {
    const answer = await this.#ask({ say: garbage === 'kept' ? 'snapshot' : 'collected' })
    if (answer.say !== 'snapshot') throw new Error(`asked for a snapshot, got ${answer.say}`)
    return answer.snapshot
  }

  async histogram(): Promise<Readonly<Record<string, Tally>>> {
    const answer = await this.#ask({ say: 'histogram' })
    if (answer.say !== 'histogram') throw new Error(`asked for a histogram, got ${answer.say}`)
    return answer.histogram
  }

  stop(): Promise<void> {
    return this.#children.stop(this.#child)
  }

  #ask(question: Question): Promise<Answer> {
    const answer = answerOf(this.#child)
    this.#child.send(question)
    return answer
  }
}

/** One question at a time. */
async function answerOf(child: ChildProcess): Promise<Answer> {
  const enough = new AbortController()
  const { signal } = enough
  const answered = once(child, 'message', { signal })
  const gone = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`the measured server has ended (${String(code)})`)
  })
  for (const one of [answered, gone]) one.catch(() => undefined)
  try {
    const [answer] = (await Promise.race([answered, gone])) as [Answer]
    return answer
  } finally {
    enough.abort()
  }
}

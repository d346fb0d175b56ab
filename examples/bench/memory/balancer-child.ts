/** The benchmark's end of the balancer's process. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { BalancerOptions } from 'evenkeel'
import type { Answer, Memory, Question } from './protocol.js'

const SCRIPT = fileURLToPath(new URL('./balancer-process.ts', import.meta.url))

export class BalancerChild {
  readonly port: number
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  static async start(options: BalancerOptions): Promise<BalancerChild> {
    const execArgv = ['--expose-gc', '--import', 'tsx', '--conditions=evenkeel-source']
    const child = fork(SCRIPT, { execArgv })
    const answer = await ask(child, { say: 'start', options })
    if (answer.say !== 'listening') throw new Error(`not listening: ${answer.say}`)
    return new BalancerChild(child, answer.port)
  }

  /** Memory with nothing to do; the peak begins anew. */
  idle(): Promise<Memory> {
    return this.#memory({ say: 'idle' })
  }

  peak(): Promise<Memory> {
    return this.#memory({ say: 'peak' })
  }

  /** Memory in use, garbage collected. */
  live(): Promise<Memory> {
    return this.#memory({ say: 'live' })
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }

  async #memory(question: Question): Promise<Memory> {
    const answer = await ask(this.#child, question)
    if (answer.say === 'listening') throw new Error('asked for memory, got a port')
    return answer.memory
  }
}

/** One question at a time. */
async function ask(child: ChildProcess, question: Question): Promise<Answer> {
  const answered = once(child, 'message')
  const gone = once(child, 'exit').then(() => {
    throw new Error('the balancer has ended')
  })
  gone.catch(() => undefined)
  child.send(question)
  const [answer] = (await Promise.race([answered, gone])) as [Answer]
  return answer
}

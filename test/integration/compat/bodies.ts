/** Bodies as these tests need them: that compress well, and that come when they are told to. */
import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage, RequestOptions } from 'node:http'
import { gunzipSync } from 'node:zlib'
import type { Reply } from '../../helpers/clients.js'

/** A response whose body is not read yet. */
export async function head(options: RequestOptions): Promise<IncomingMessage> {
  const outgoing = request({ host: '127.0.0.1', agent: false, ...options })
  outgoing.end()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  return response
}

/** Parts of a body, each sent when it is asked for. */
export function parts(): {
  body: () => AsyncIterable<string>
  send: (part: string) => void
  end: () => void
} {
  const queue: (string | undefined)[] = []
  let wake = (): void => undefined
  const push = (part: string | undefined): void => {
    queue.push(part)
    wake()
  }
  return {
    send: push,
    end: () => push(undefined),
    async *body() {
      for (;;) {
        if (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve))
        const part = queue.shift()
        if (part === undefined) return
        yield part
      }
    },
  }
}

/** The body as it was before `compression` had it. */
export function gunzipped(reply: Reply): string {
  return gunzipSync(Buffer.from(reply.body, 'latin1')).toString('latin1')
}

/** Text that compresses well, and of which no two lines are the same. */
export function prose(bytes: number): string {
  let text = ''
  for (let line = 0; text.length < bytes; line++) text += `line ${line} of a long story\n`
  return text.slice(0, bytes)
}

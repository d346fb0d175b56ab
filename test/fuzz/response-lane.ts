/** A server, a balancer, a peer that says anything and one that is well, through which cases go one after the other. */
import { createBalancer } from 'evenkeel'
import { Edge } from '../corpus/wire/edge.js'
import { RawClient } from '../corpus/wire/raw-client.js'
import { finals, readResponses } from '../corpus/wire/responses.js'
import { UpstreamRecorder } from '../corpus/wire/upstream-recorder.js'
import { turns } from '../helpers/watch-process.js'
import type { Lane } from './lane.js'
import { responseSegments } from './response-grammar.js'
import type { ResponseFuzz } from './response-grammar.js'
import { judgeResponse } from './response-oracle.js'

const ASKED: Readonly<Record<ResponseFuzz['method'], string>> = {
  GET: 'GET /case HTTP/1.1\r\nHost: site\r\n\r\n',
  HEAD: 'HEAD /case HTTP/1.1\r\nHost: site\r\n\r\n',
  POST: 'POST /case HTTP/1.1\r\nHost: site\r\nContent-Length: 5\r\n\r\nhello',
}

export async function responseLane(): Promise<Lane<ResponseFuzz>> {
  const peer = await UpstreamRecorder.start('peer')
  const spare = await UpstreamRecorder.start('spare')
  const balancer = createBalancer({
    upstream: [
      { url: peer.url, maxFails: 0 },
      { url: spare.url, maxFails: 0, backup: true },
    ],
    retryBudget: false,
  })
  const edge = await Edge.start(balancer, 'standard')
  let count = 0
  return {
    async run(test) {
      const segments = responseSegments(test, ++count)
      const bytes = segments.join('')
      const isHead = (index: number): boolean => test.method === 'HEAD' && index === 0
      const then = endingOf(test, bytes)
      const played = new Promise<void>((resolve) => {
        peer.plan({ bytes: segments, then, played: resolve })
      })
      const client = RawClient.to(edge.port)
      await client.send([ASKED[test.method]])
      const ended = await client.until(() => client.answered(isHead) >= 1)
      if (!ended) return `hangs; the client has got ${JSON.stringify(client.bytes)}`
      await played
      await turns(3)
      const got = client.got(isHead)
      const after = await askBehind(client, edge.port, count, isHead)
      const requests = [...peer.requests.splice(0), ...spare.requests.splice(0)]
      const violations = [...peer.violations.splice(0), ...spare.violations.splice(0)]
      if (violations.length > 0) return `a peer has got ${violations.join('; ')}`
      if (requests.length > 3) return `${requests.length} requests to the peers`
      if (after !== `200 peer GET /after-${count} 0`) return `the request behind it: ${after}`
      return judgeResponse(test.method, bytes, then, got)
    },
    async close() {
      await edge.close()
      await peer.close()
      await spare.close()
    },
  }
}

/** Who waits for more after what is not whole would wait for ever. */
function endingOf({ then, method }: ResponseFuzz, bytes: string): ResponseFuzz['then'] {
  if (then !== 'open') return then
  const said = readResponses(bytes, 'open', () => method === 'HEAD')
  return finals(said)[0]?.whole === true ? 'open' : 'fin'
}

/** The next request: on the client's connection where there still is one. */
async function askBehind(
  client: RawClient,
  port: number,
  count: number,
  isHead: (index: number) => boolean,
): Promise<string> {
  const behind = client.ending === 'open' ? client : RawClient.to(port)
  await behind.send([`GET /after-${count} HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n`])
  await behind.until(() => false)
  client.destroy()
  behind.destroy()
  const { responses, malformed } = behind.got((index) => behind === client && isHead(index))
  const last = responses.at(-1)
  if (last === undefined || malformed !== undefined) return malformed ?? behind.ending
  return `${last.status} ${last.body}`
}

/** A server, a balancer and an upstream through which cases go one after the other. */
import { createBalancer } from 'evenkeel'
import { Edge } from '../corpus/wire/edge.js'
import { RawClient } from '../corpus/wire/raw-client.js'
import { finals } from '../corpus/wire/responses.js'
import { UpstreamRecorder } from '../corpus/wire/upstream-recorder.js'
import { turns } from '../helpers/watch-process.js'
import type { Lane } from './lane.js'
import { requestSegments } from './request-grammar.js'
import type { RequestFuzz } from './request-grammar.js'
import { judgeRequests } from './request-oracle.js'

export async function requestLane(): Promise<Lane<RequestFuzz>> {
  const recorder = await UpstreamRecorder.start('peer')
  const balancer = createBalancer({ upstream: [{ url: recorder.url, maxFails: 0 }] })
  // The client ends its side behind its bytes: so each case comes to its end, whatever they are.
  const edge = await Edge.start(balancer, 'half-open')
  let count = 0
  return {
    async run(test) {
      const segments = requestSegments(test)
      const client = RawClient.to(edge.port)
      await client.send(segments)
      client.finish()
      const ended = await client.until(() => false)
      client.destroy()
      if (!ended) return `hangs; the client has got ${JSON.stringify(client.bytes)}`
      const after = await askAfter(edge.port, ++count)
      // What was given up on the way to the upstream arrives, or never will.
      await turns(3)
      const all = recorder.requests.splice(0)
      const seen = all.filter(({ target }) => target !== `/after-${count}`)
      if (after !== `200 peer GET /after-${count} 0` || all.length !== seen.length + 1) {
        return `the request behind it: ${after}`
      }
      const violations = recorder.violations.splice(0)
      if (violations.length > 0) return `the upstream has got ${violations.join('; ')}`
      return judgeRequests(segments.join(''), seen, client)
    },
    async close() {
      await edge.close()
      await recorder.close()
    },
  }
}

/** A plain request on a connection of its own. */
async function askAfter(port: number, count: number): Promise<string> {
  const client = RawClient.to(port)
  await client.send([`GET /after-${count} HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n`])
  await client.until(() => false)
  client.destroy()
  const { malformed } = client.got()
  const [response] = finals(client.got())
  if (response === undefined || malformed !== undefined) return malformed ?? client.ending
  return `${response.status} ${response.body}`
}

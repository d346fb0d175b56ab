import { EventEmitter } from 'node:events'
import { fakeClock } from 'evenkeel/testing'
import { expect, it } from 'vitest'
import { UpstreamConnections } from '../../../src/transport/connections.js'
import type { RuledSocket } from '../../../src/transport/peer-connections.js'
import { UpstreamTls } from '../../../src/transport/tls.js'
import { makePeer } from '../upstream/group.js'

it('no connection to a peer that is gone is kept, by whomever it was opened and whenever', () => {
  const connections = new UpstreamConnections(
    {
      keepalive: { connections: 64, timeout: 60_000, requests: 1000, time: 3_600_000 },
      tls: new UpstreamTls({ verify: true, name: undefined }),
      bind: undefined,
    },
    fakeClock(),
  )
  const peer = makePeer()
  const allowance = (): number => {
    const socket = Object.assign(new EventEmitter(), { bytesRead: 0 }) as unknown as RuledSocket
    const rules = connections.rulesOf(peer)
    rules.opened(socket)
    return rules.allowance(socket, undefined)
  }
  expect(allowance()).toBe(60_000)
  connections.forget(peer)
  expect(allowance()).toBe(0)
})

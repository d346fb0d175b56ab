/** What the demo plays, in this order. */
import type { Mix } from './engine/load.js'
import {
  crashBetweenPosts,
  crashInTurn,
  hangInTurn,
  outage,
  poisoned,
  poisonedInARow,
  staleConnections,
} from './engine/failures.js'
import type { Script } from './engine/failures.js'

export interface DemoAct {
  /** Short: heads the act and its line in the table. */
  readonly title: string
  /** What goes wrong, in a sentence or two. */
  readonly story: string
  readonly script: Script
  /** Which balancer stands behind the edge: ours as it comes, ours holding requests, or nginx's rules. */
  readonly balancer: 'default' | 'waiting' | 'nginx'
}

const MIX: Mix = { rate: 200, postEvery: 5 }
/** A write that was sent to a server that hangs is never repeated: it would be a 504, and rightly so. */
const READS: Mix = { rate: 200, postEvery: 0 }

export const ACTS: readonly DemoAct[] = [
  {
    title: "one URL answers 500, nginx's rules",
    story:
      'The incident itself. An application error counts against the server that told it: a few of them, and all ' +
      'servers are marked. Then everybody gets a 502, for ten seconds, from servers that are well.',
    script: poisonedInARow(MIX, '500', 3_500),
    balancer: 'nginx',
  },
  {
    title: 'one URL answers 500',
    story:
      "The same, under evenkeel. Who asks for that URL gets the application's own 500; nobody else is concerned.",
    script: poisonedInARow(MIX, '500', 3_500),
    balancer: 'default',
  },
  {
    title: 'one URL drops the connection',
    story:
      'On every server. The request is at fault and not the servers: it gets its 502, and they stay.',
    script: poisoned(MIX, 'drop', 50, 3_500),
    balancer: 'default',
  },
  {
    title: 'stale connections',
    story:
      'The servers close idle connections without a word, just when a burst of requests is about to use them. ' +
      "evenkeel learns each server's limit and stops in time; who still meets a dead connection gets a fresh one.",
    script: staleConnections(MIX, [300, 220, 160, 110, 80, 50], 4_500),
    balancer: 'default',
  },
  {
    title: 'crash and restart, one by one',
    story: 'Each server is killed while it is at work, and comes back.',
    script: crashInTurn(MIX, 6_000, crashBetweenPosts),
    balancer: 'default',
  },
  {
    title: 'two of three down at once',
    story:
      'Two servers are killed in the same moment. The third carries the load until they are back.',
    script: outage(MIX, 1_200, 4_000, 2, crashBetweenPosts),
    balancer: 'default',
  },
  {
    title: 'a server hangs (reads)',
    story:
      'It still accepts connections and never answers. What waits for it is asked of another after the read timeout. ' +
      'Reads only: a write that has been sent is never sent again, for it may have been carried out.',
    script: hangInTurn(READS, 2_500, 700, 1),
    balancer: 'default',
  },
  {
    title: 'all three down, requests wait',
    story:
      "With whenNoneLive: 'wait' the requests of the outage are held until the first server is back.",
    script: outage(MIX, 1_200, 4_000, 3, crashBetweenPosts),
    balancer: 'waiting',
  },
]

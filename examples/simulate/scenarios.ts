/** What the peers go through. The text of each is what docs/simulation.md says of it; its claims are tested. */
import type { SimulatedClock } from './engine/clock.js'
import type { Span } from './engine/measure.js'
import type { Server } from './engine/server.js'
import type { SimulatedPeer, Simulation } from './engine/simulate.js'

export interface Scenario extends Omit<Simulation, 'seed' | 'requests'> {
  readonly name: string
  readonly title: string
  /** What is simulated. */
  readonly setting: string
  /** What is to be seen. */
  readonly reading: string
  /** Peers whose share has a column of its own, and the name of it. */
  readonly odd?: { readonly peers: readonly number[]; readonly title: string }
  /** A column with the p99 of requests that came in this time. */
  readonly focus?: Span & { readonly title: string }
}

const WORKERS = 4
/** Milliseconds that a request is worked on, on average. */
const WORK = 20

const equal = (count: number, options: SimulatedPeer['options'] = {}): SimulatedPeer[] =>
  Array.from({ length: count }, () => ({ workers: WORKERS, work: WORK, options }))

/** Of the ten, five can do three times as much as the other five. */
const uneven = (weights: 'known' | 'unknown'): SimulatedPeer[] =>
  [2, 6, 2, 6, 2, 6, 2, 6, 2, 6].map((workers) => ({
    workers,
    work: WORK,
    options: { weight: weights === 'known' ? workers / 2 : 1 },
  }))

const BALANCERS = 16

const large = { peers: [1, 3, 5, 7, 9], title: 'to the five large' }
const peerThree = (title: string) => ({ peers: [3], title })

/** The peer that something happens to. */
function third(servers: readonly Server[]): Server {
  const server = servers[3]
  if (server === undefined) throw new Error('no such peer')
  return server
}

/** `other` for `outFor` of every `period` milliseconds. */
function inTurns(
  other: 'refusing' | 'hanging',
  { period, outFor }: { readonly period: number; readonly outFor: number },
): NonNullable<Simulation['plot']> {
  return (servers, clock) => {
    const server = third(servers)
    const out = clock.after(period - outFor, () => {
      server.become(other)
      clock.after(outFor, () => {
        server.become('working')
        out.refresh()
      })
    })
  }
}

const OUT_AT = 1000
const BACK_AT = 6000
const COLD_FOR = 5000
const COLD = 8

/** Out for five seconds, and then with empty caches. */
function outage(servers: readonly Server[], clock: SimulatedClock): void {
  const server = third(servers)
  clock.after(OUT_AT, () => server.become('refusing'))
  clock.after(BACK_AT, () => {
    server.become('working')
    server.slowness = () => {
      const warm = Math.min(1, (clock.now() - BACK_AT) / COLD_FOR)
      return COLD - warm * (COLD - 1)
    }
  })
}

const recovery = {
  load: 0.7,
  peers: equal(10),
  plot: outage,
  odd: peerThree('to the one that was out'),
  focus: { from: BACK_AT, to: BACK_AT + COLD_FOR, title: 'p99 after it is back' },
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'equal',
    title: 'Equal peers, 70 % load',
    setting: 'Ten equal peers.',
    reading:
      'Who counts what is in flight sends nobody to a peer that is busy while another is idle. Where requests are of different length, taking turns is not the same as sharing the work, and chance and hashing are worse than turns. Two choices are nearly as good as a look at all peers.',
    load: 0.7,
    peers: equal(10),
  },
  {
    name: 'equal-busy',
    title: 'Equal peers, 90 % load',
    setting: 'The same, nearer to what the peers can bear.',
    reading:
      'The more there is to do, the more the choice matters. A peer that has a tenth more keys than the others has no room left.',
    load: 0.9,
    peers: equal(10),
  },
  {
    name: 'herd',
    title: 'Sixteen balancers that know nothing of each other, 90 % load',
    setting:
      'The same peers and the same load, but each request comes to one of sixteen balancers, and each of these counts its own requests only.',
    reading:
      'Who counts for himself knows less: the median of `least_conn` rises by half and more, and two choices lose as much. Those who do not count lose nothing, and are still worse. In one process, share the upstream. And a limit that each balancer keeps for itself is none for all: with `first` the 8 of `maxConns` become 128.',
    load: 0.9,
    peers: equal(10),
    balancers: BALANCERS,
  },
  {
    name: 'uneven-known',
    title: 'Uneven peers with their weights, 70 % load',
    setting: 'Five peers have six workers and `weight: 3`, five have two and `weight: 1`.',
    reading:
      'With the right weights, uneven peers are as good as equal ones, though a small peer bears chance less well.',
    load: 0.7,
    peers: uneven('known'),
    odd: large,
  },
  {
    name: 'uneven-unknown',
    title: 'Uneven peers without weights, 70 % load',
    setting: 'The same peers, and nobody has said that they are not equal.',
    reading:
      'Whoever gives all the same drowns the small ones, and their clients wait, time out and are sent on. Who looks at what is in flight, or at the time it takes, finds the weights by himself.',
    load: 0.7,
    peers: uneven('unknown'),
    odd: large,
  },
  {
    name: 'slow',
    title: 'One slow peer, 70 % load',
    setting:
      'One of ten peers takes ten times as long for everything: it could do 1.1 % of the work, and never fails.',
    reading:
      'A slow peer is worse than a dead one: nothing says that it is slow but the time that it takes, and what piles up there. Who counts either gives it no more than it can do. Who counts neither has one client in ten wait for a timeout, and a retry.',
    load: 0.7,
    peers: equal(10),
    plot: (servers) => {
      third(servers).slowness = () => 10
    },
    odd: peerThree('to the slow one'),
  },
  {
    name: 'fast-errors',
    title: 'One peer that answers 503 at once, 70 % load',
    setting:
      'After a second, one of ten peers answers everything with 503 in a millisecond. By default a status marks nobody. A 503 is tried again elsewhere, but these requests are POSTs, which may not be repeated.',
    reading:
      'The trap of all who go by load or by time: nobody is as idle as a peer that does nothing. `least_conn` and `least_time` give it half of everything and more. With two choices it is a fifth at most: who is not one of the two is not chosen, however good he looks. (With GETs it is not as bad: a 503 is held until another peer has answered, and is in flight as long.)',
    method: 'POST',
    load: 0.7,
    peers: equal(10),
    plot: (servers, clock) => {
      clock.after(1000, () => third(servers).become('unavailable'))
    },
    odd: peerThree('to the failing one'),
  },
  {
    name: 'fast-errors-marked',
    title: "The same, with `failOn: ['http_503', …]`",
    setting: 'The same peer, but a 503 marks it (`maxFails: 1`, `failTimeout: 10s`).',
    reading:
      'One request in ten seconds finds out whether it works again; all others go elsewhere, whatever the selector. What `failOn` does for a peer that always fails, the detection of outliers does for one that often does.',
    method: 'POST',
    load: 0.7,
    peers: equal(10),
    upstream: { failOn: ['error', 'timeout', 'invalid_header', 'http_503'] },
    plot: (servers, clock) => {
      clock.after(1000, () => third(servers).become('unavailable'))
    },
    odd: peerThree('to the failing one'),
  },
  {
    name: 'flapping',
    title: 'One peer that comes and goes, 70 % load',
    setting:
      'One of ten peers refuses connections for one second of every two. What was under way breaks off.',
    reading:
      'Each time the first request that is refused marks the peer and is tried elsewhere, at no cost to the retry budget; a probe finds it back. Clients see nothing of it.',
    load: 0.7,
    peers: equal(10),
    plot: inTurns('refusing', { period: 2000, outFor: 1000 }),
    odd: peerThree('to the flapping one'),
  },
  {
    name: 'hanging',
    title: 'One peer that hangs now and then, 70 % load',
    setting:
      'One of ten peers stops for 1.5 seconds of every four, as in a long collection of garbage: connections are taken, and nothing is answered. `readTimeout: 1s`.',
    reading:
      'What was sent there before the first timeout is lost time, a second each. Who counts what is in flight has stopped sending long before.',
    load: 0.7,
    peers: equal(10),
    plot: inTurns('hanging', { period: 4000, outFor: 1500 }),
    odd: peerThree('to the hanging one'),
  },
  {
    name: 'recovery',
    title: 'A peer that comes back cold, 70 % load',
    setting:
      'One of ten peers is out for five seconds. When it is back its caches are empty: everything takes eight times as long at first, and as long as ever after five seconds.',
    reading:
      'Being back is not being well. Whoever gives it its full share at once buries it, and the clients with it that are sent there.',
    ...recovery,
  },
  {
    name: 'recovery-eased',
    title: 'The same, with `slowStart: 10s`',
    setting: 'The same outage. The peer gets its weight over ten seconds.',
    reading:
      'What it is given grows as it warms up. For those who go by what is in flight the gain is smaller, for they see for themselves that it is slow.',
    ...recovery,
    upstream: { slowStart: '10s' },
  },
  {
    name: 'recovery-herd',
    title: 'The same, seen by sixteen balancers',
    setting:
      'The same outage without slow start, but each request comes to one of sixteen balancers that know nothing of each other.',
    reading:
      'Each of them sees that peer come back with nothing to do, and each sends what it would take alone: the p99 of those who count what is in flight rises by a third and more. `peak_ewma` even prefers that peer, for what it knew of its times has faded meanwhile: nearly twenty times as many as it can work on stand there at once. Whose times are kept for longer (`least_time`) is spared.',
    ...recovery,
    balancers: BALANCERS,
  },
  {
    name: 'recovery-herd-eased',
    title: 'Sixteen balancers, with `slowStart: 10s`',
    setting: 'The same, and each balancer eases the peer in.',
    reading: 'What none of them can see is agreed upon beforehand: nobody sends much at first.',
    ...recovery,
    balancers: BALANCERS,
    upstream: { slowStart: '10s' },
  },
  {
    name: 'skewed-keys',
    title: 'Keys of which some are wanted much more often than others, 70 % load',
    setting:
      'Ten equal peers, 2,000 keys (paths and addresses), and the k-th of them is asked for in proportion to 1/k: one request in eight is for the first.',
    reading:
      'For those who do not hash, nothing is different. Who does sends all requests for a key to one peer, and the peer with the first key gets more than it can do. With `boundedLoad: 1.25` what is too much goes on to the next peer of the ring, and nobody waits.',
    load: 0.7,
    peers: equal(10),
    keys: 'skewed',
  },
]

/**
 * The demo: three real upstream servers, a TLS edge with evenkeel in it, 200 requests a second, one fifth of them
 * writes, and one failure after another. Ends by itself in under a minute; exits 1 if anybody noticed.
 */
import { createBalancer } from 'evenkeel'
import type { Incident } from 'evenkeel'
import { ACTS } from './acts.js'
import type { DemoAct } from './acts.js'
import { look } from './engine/judge.js'
import { Stage } from './engine/stage.js'
import { conclusion, counts, failedIn, noticed, outcome, table } from './report.js'
import type { Played } from './report.js'
import { PlainView } from './view/plain-view.js'
import { TerminalView } from './view/terminal-view.js'
import type { Moment, View } from './view/view.js'

type Balancer = ReturnType<typeof createBalancer>

const PEERS = 3
const REDRAW = 125
const WATCHDOG = 56_000

/** Everything by default but the read timeout, so that a server that hangs is told in time for a demo. */
const MAKE: Record<DemoAct['balancer'], (urls: string[]) => Balancer> = {
  default: (upstream) => createBalancer({ upstream, readTimeout: '1s' }),
  waiting: (upstream) =>
    createBalancer({ upstream, readTimeout: '1s', whenNoneLive: 'wait', queue: { timeout: '3s' } }),
  // proxy_next_upstream error timeout invalid_header http_500 http_502 http_503 http_504;
  nginx: (upstream) =>
    createBalancer({
      upstream,
      readTimeout: '1s',
      preset: 'nginx',
      nextUpstream: {
        on: ['error', 'timeout', 'invalid_header', 'http_500', 'http_502', 'http_503', 'http_504'],
      },
    }),
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Redrawn only where somebody looks at it: not in a pipe, not in continuous integration, not against NO_COLOR. */
function chooseView(): View {
  const { stdout, env } = process
  const unwanted = [env['NO_COLOR'], env['CI']].some((value) => value !== undefined && value !== '')
  const able = stdout.isTTY && env['TERM'] !== 'dumb' && stdout.columns >= 60 && stdout.rows >= 20
  return able && !unwanted ? new TerminalView(stdout) : new PlainView(say)
}

/** `accounts`: what the balancer under nginx's rules has to say of its own incidents. */
async function playAll(stage: Stage, view: View, accounts: Incident[]): Promise<Played[]> {
  const played: Played[] = []
  let balancer: Balancer | undefined
  let behind: DemoAct['balancer'] | undefined
  for (const [index, act] of ACTS.entries()) {
    if (balancer === undefined || behind !== act.balancer) {
      balancer = await stage.balance(MAKE[act.balancer])
      if (act.balancer === 'nginx')
        balancer.on('incident', ({ incident }) => (accounts[incident.id - 1] = incident))
    }
    behind = act.balancer
    const moment = observe(stage, balancer, act, index)
    view.begin(moment())
    const redraw = setInterval(() => view.tick(moment()), REDRAW)
    const patience = act.balancer === 'waiting' ? 3_000 : 0
    const verdict = await stage
      .play({ name: `act${index + 1}`, patience, script: act.script })
      .finally(() => clearInterval(redraw))
    const one = { act, verdict }
    played.push(one)
    view.end(moment(), outcome(one), !counts(one) || failedIn(verdict) + verdict.runTwice === 0)
  }
  return played
}

/** Looks at the stage whenever it is called. */
function observe(stage: Stage, balancer: Balancer, act: DemoAct, index: number): () => Moment {
  const attempts = new Map<string, number>()
  let retried = 0
  const onFinish: Parameters<typeof balancer.on<'finish'>>[1] = (finished) => {
    if (finished.attempts.length > 1) retried++
    for (const { peer } of finished.attempts) attempts.set(peer, (attempts.get(peer) ?? 0) + 1)
  }
  balancer.on('finish', onFinish)
  return () => ({
    act,
    index,
    acts: ACTS.length,
    peers: stage.peers.map(({ name, state }) => {
      const peer = balancer.upstream.peers.find((one) => one.name === name)
      const seen = peer === undefined ? '' : balancer.upstream.status(peer)
      return { name, server: state, seen, attempts: attempts.get(name) ?? 0 }
    }),
    requests: stage.load.answered.length,
    retried,
    failed: stage.load.answered.filter((record) => look(record) !== 'served').length,
  })
}

async function main(): Promise<void> {
  const watchdog = setTimeout(() => {
    process.stderr.write('the demo took too long and was ended\n')
    process.exit(1)
  }, WATCHDOG)
  say(
    'evenkeel: the incident, replayed. Three upstream servers, a TLS edge, 200 requests a second, one in five a write.',
  )
  const view = chooseView()
  process.on('exit', () => view.close())
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => process.exit(code))
  }
  const stage = await Stage.open(PEERS)
  try {
    const accounts: Incident[] = []
    const played = await playAll(stage, view, accounts)
    view.close()
    say('')
    for (const line of [...table(played), '', ...conclusion(played)]) say(line)
    for (const { summary, prevention } of accounts) {
      say(`\nWhat the balancer under nginx's rules says of that itself:\n${summary}.`)
      if (prevention !== undefined) say(`${prevention.option}: ${prevention.advice}.`)
    }
    process.exitCode = noticed(played) ? 1 : 0
  } finally {
    await stage.close()
    clearTimeout(watchdog)
    // Nothing should be left to wait for; if something is, it does not keep us.
    setTimeout(() => process.exit(), 2_000).unref()
  }
}

await main()

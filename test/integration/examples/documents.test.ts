/** The documents say what the sources do: options, defaults, codes, events, folders, links, and code that compiles. */
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createBalancer } from 'evenkeel'
import type { BalancerOptions } from 'evenkeel'
import { describe, expect, it } from 'vitest'
import { resolveBalancer } from '../../../src/config.js'
import type { BalancerConfig, UpstreamConfig } from '../../../src/config.js'
import { parseDuration } from '../../../src/config/duration.js'
import { parseSize } from '../../../src/config/size.js'
import { CONDITIONS } from '../../../src/next-upstream/condition.js'
import {
  codeBlocks,
  compile,
  DOCUMENTS,
  membersOf,
  read,
  root,
  tableRows,
  wordsOf,
} from './documents.js'

const readme = read('README.md')
const OPTIONS = 'src/options.ts'
const STICKY_OPTIONS = 'src/sticky-options.ts'
const DISCOVERY_OPTIONS = 'src/discovery/options.ts'
/** The table of the upstream's options is in groups. */
const UPSTREAM_TABLES = [
  'The upstream',
  'Choosing a peer',
  'Failures and health',
  'When there is no room',
  'Connections',
]
const upstreamRows = UPSTREAM_TABLES.flatMap((heading) => tableRows(readme, heading))

const under = (prefix: string, name: string): string[] =>
  membersOf(OPTIONS, name).map((option) => `${prefix}.${option}`)
const namesIn = (heading: string): string[] =>
  tableRows(readme, heading).map(([name]) => name ?? '')

describe('the option tables of the README', () => {
  it('have every option of a peer, and no other', () => {
    expect(namesIn('The peers').sort()).toEqual(membersOf(OPTIONS, 'PeerOptions').sort())
  })

  it('have every option of the upstream, and no other', () => {
    const all = [
      'upstream',
      ...membersOf(OPTIONS, 'UpstreamOptions').filter(
        (name) => !['tls', 'feedback'].includes(name),
      ),
      ...under('queue', 'QueueOptions'),
      ...under('probe', 'ProbeOptions'),
      ...under('keepalive', 'KeepaliveOptions'),
      ...under('tls', 'PeerTlsOptions'),
      'tls (the rest)',
      ...under('feedback', 'FeedbackOptions'),
    ]
    expect(upstreamRows.map(([name]) => name).sort()).toEqual(all.sort())
  })

  it('have every option of the balancer, and no other', () => {
    const all = [
      ...membersOf(OPTIONS, 'BalancerOptions').filter((name) => name !== 'upstream'),
      ...under('nextUpstream', 'NextUpstreamOptions'),
      ...under('retryBudget', 'RetryBudgetOptions'),
    ]
    expect(namesIn('The balancer').sort()).toEqual(all.sort())
  })

  type Resolved = BalancerConfig & { readonly upstream: UpstreamConfig }
  const resolved = (options: Partial<BalancerOptions>): Resolved =>
    resolveBalancer({ upstream: ['a'], ...options }) as Resolved
  const finite = (value: number): number => (value === Infinity ? 0 : value)
  const VALUES: Readonly<Record<string, (config: Resolved) => unknown>> = {
    name: ({ upstream }) => upstream.name,
    selector: ({ upstream }) => 'name' in upstream.selector && upstream.selector.name,
    subsetFallback: () => resolved({ subset: () => undefined }).upstream.subset?.fallback,
    maxFails: ({ upstream }) => upstream.peers[0]?.parameters.maxFails,
    failTimeout: ({ upstream }) => upstream.peers[0]?.parameters.failTimeout,
    slowStart: ({ upstream }) => upstream.peerDefaults.slowStart,
    panicThreshold: ({ upstream }) => upstream.panicThreshold,
    outlierDetection: ({ upstream }) => upstream.outlierDetection ?? false,
    retryAfter: ({ upstream }) => upstream.retryAfter > 0,
    healthCheck: ({ upstream }) => upstream.healthCheck ?? false,
    adaptiveConcurrency: ({ upstream }) => upstream.adaptiveConcurrency ?? false,
    whenNoneLive: ({ upstream }) => upstream.whenNoneLive,
    'queue.size': ({ upstream }) => upstream.queue.size,
    'queue.timeout': ({ upstream }) => upstream.queue.timeout,
    probe: ({ upstream }) => upstream.probe !== undefined && 'on',
    'probe.interval': ({ upstream }) => upstream.probe?.interval ?? 1000,
    'probe.timeout': ({ upstream }) => upstream.probe?.timeout ?? 1000,
    'keepalive.connections': ({ upstream }) => upstream.keepalive.connections,
    'keepalive.timeout': ({ upstream }) => upstream.keepalive.timeout,
    'keepalive.requests': ({ upstream }) => upstream.keepalive.requests,
    'keepalive.time': ({ upstream }) => upstream.keepalive.time,
    'keepalive.nonIdempotent': ({ upstream }) => upstream.keepalive.nonIdempotent,
    'tls.verify': ({ upstream }) => upstream.tls.verify,
    'nextUpstream.on': ({ on }) => [...on].join(' '),
    'nextUpstream.tries': ({ tries }) => finite(tries),
    'nextUpstream.timeout': ({ nextTimeout }) => nextTimeout,
    retryBudget: ({ retryBudget }) => retryBudget !== undefined && 'on',
    'retryBudget.ratio': ({ retryBudget }) => retryBudget?.ratio ?? 0.2,
    'retryBudget.floor': ({ retryBudget }) => retryBudget?.floor ?? 10,
    'retryBudget.window': ({ retryBudget }) => retryBudget?.window ?? 10_000,
    maxInFlight: (config) => config.maxInFlight,
    hedge: (config) => config.hedge ?? false,
    connectTimeout: (config) => config.connectTimeout,
    sendTimeout: (config) => config.sendTimeout,
    readTimeout: (config) => config.readTimeout,
    bufferSize: (config) => config.bufferSize,
    wholeResponse: (config) => config.wholeResponse,
    requestBuffering: (config) => config.requestBuffering,
    buffering: (config) => config.buffering,
    buffers: (config) => config.buffers,
    maxTempFile: (config) => config.maxTempFile,
    limitRate: (config) => config.limitRate,
    bodyBuffer: (config) => config.bodyBuffer,
    maxHeaders: (config) => config.maxHeaders,
    tunnelTimeout: (config) => config.tunnelTimeout,
    forwarded: (config) => config.forwarded,
    via: (config) => config.via !== undefined,
    mountPath: (config) => config.mountPath,
    redirect: (config) => config.redirect === 'default',
    ignoreClientAbort: (config) => config.ignoreClientAbort,
    replayBuffer: (config) => config.replayBuffer,
    replayMemory: (config) => config.replayMemory,
    maxBody: ({ maxBody }) => finite(maxBody),
    trustProxy: (config) => config.trustProxy,
    host: (config) => config.host,
    proxyStatus: (config) => config.proxyStatus,
  }

  /** `10 s`, `64k`, `'try'`, `true`, `0.2`, `error timeout` as values. */
  function valueOf(cell: string): unknown {
    if (cell === 'true' || cell === 'false') return cell === 'true'
    if (/^\d+ (ms|s|min|h)$/.test(cell))
      return parseDuration(cell.replace(' ', '').replace('min', 'm'))
    if (/^\d+[kmg]$/.test(cell)) return parseSize(cell)
    if (/^[\d.,]+$/.test(cell)) return Number(cell.replaceAll(',', ''))
    return cell.replaceAll("'", '')
  }

  const rows = [...upstreamRows, ...tableRows(readme, 'The balancer')]
  it.each(Object.entries(VALUES))('tell the default of %s, and the preset’s', (name, value) => {
    const cell = rows.find(([option]) => option === name)?.[1] ?? ''
    const [, ours = cell, nginx] = /^(.*?) \((.*)\)$/.exec(cell) ?? []
    expect(valueOf(ours)).toEqual(value(resolved({})))
    expect(valueOf(nginx ?? ours)).toEqual(value(resolved({ preset: 'nginx' })))
  })

  /** Options whose own options are in a guide: the README has one row, which leads there. */
  interface Guide {
    readonly file: string
    readonly headings: readonly string[]
    readonly options: readonly string[]
    /** The defaults, as the code fills them in. */
    readonly defaults: object
    /** What it is in brackets. */
    readonly nginx?: object
  }
  const stickyOf = (options: Partial<BalancerOptions>): object =>
    resolved({ sticky: { cookie: {} }, ...options }).upstream.sticky ?? {}
  const checks = resolved({ healthCheck: {} }).upstream.healthCheck
  const GUIDES: Readonly<Record<string, Guide>> = {
    healthCheck: {
      file: 'docs/health-checks.md',
      headings: ['What a check asks', 'How often, and what follows'],
      options: membersOf(OPTIONS, 'HealthCheckOptions'),
      defaults: { type: 'http', ...(checks?.probe as object), ...checks?.schedule },
    },
    outlierDetection: {
      file: 'docs/passive-health.md',
      headings: ['Outlier detection'],
      options: membersOf(OPTIONS, 'OutlierDetectionOptions'),
      defaults: resolved({ outlierDetection: {} }).upstream.outlierDetection ?? {},
    },
    adaptiveConcurrency: {
      file: 'docs/overload.md',
      headings: ['Adaptive concurrency'],
      options: membersOf(OPTIONS, 'AdaptiveConcurrencyOptions'),
      defaults: resolved({ adaptiveConcurrency: {} }).upstream.adaptiveConcurrency ?? {},
    },
    hedge: {
      file: 'docs/overload.md',
      headings: ['Hedged requests'],
      options: membersOf(OPTIONS, 'HedgeOptions'),
      defaults: resolved({ hedge: { after: 1 } }).hedge ?? {},
    },
    locality: {
      file: 'docs/localities-and-subsets.md',
      headings: ['As an object'],
      options: membersOf(OPTIONS, 'LocalityOptions'),
      defaults: resolved({ locality: 'here' }).upstream.locality ?? {},
    },
    zone: {
      file: 'docs/cluster.md',
      headings: ['In short'],
      options: membersOf(OPTIONS, 'ZoneOptions'),
      defaults: resolved({ zone: 'edge' }).upstream.zone ?? {},
    },
    sticky: {
      file: 'docs/sticky-sessions.md',
      headings: ['`cookie`'],
      options: membersOf(STICKY_OPTIONS, 'StickyCookieOptions'),
      defaults: stickyOf({}),
      nginx: stickyOf({ preset: 'nginx' }),
    },
    'sticky.learn': {
      file: 'docs/sticky-sessions.md',
      headings: ['`learn`'],
      options: membersOf(STICKY_OPTIONS, 'StickyLearnOptions'),
      defaults: stickyOf({
        sticky: { learn: { create: { cookie: 'a' }, lookup: { cookie: 'a' } } },
      }),
    },
    'fromDns()': {
      file: 'docs/discovery.md',
      headings: ['DNS'],
      options: [
        ...membersOf('src/discovery/dns.ts', 'DnsOptions'),
        ...membersOf(DISCOVERY_OPTIONS, 'ResolverOptions'),
        ...membersOf(DISCOVERY_OPTIONS, 'SourceOptions'),
      ],
      defaults: {},
    },
    'fromFile()': {
      file: 'docs/discovery.md',
      headings: ['A file'],
      options: [
        ...membersOf('src/discovery/file.ts', 'FileOptions'),
        ...membersOf(DISCOVERY_OPTIONS, 'SourceOptions'),
      ],
      defaults: {},
    },
  }
  const rowsIn = ({ file, headings }: Guide): string[][] =>
    headings.flatMap((heading) => tableRows(read(file), heading))

  it.each(Object.entries(GUIDES))(
    'lead from %s to a guide with all of its options',
    (name, guide) => {
      const named = rowsIn(guide).map(([option]) => option)
      expect(named.sort()).toEqual([...guide.options].sort())
      const [row] = rows.filter(([option]) => option === name)
      if (row === undefined) expect(readme).toContain(guide.file)
      else expect(row.join(' ')).toContain(`](${guide.file}`)
    },
  )

  /** Those that a table can say: what is undefined, a list or a function is told in words. */
  const isPlain = (value: unknown): boolean =>
    ['number', 'string', 'boolean'].includes(typeof value)
  const told = Object.entries(GUIDES).flatMap(([name, guide]) =>
    rowsIn(guide)
      .filter(
        ([option = '', cell]) =>
          cell !== 'required' && isPlain(Reflect.get(guide.defaults, option)),
      )
      .map(([option = '', cell = '']) => [`${name}.${option}`, guide, option, cell] as const),
  )
  it('have many defaults in guides', () => {
    expect(told.length).toBeGreaterThan(30)
  })

  it.each(told)('tell the default of %s', (_name, { defaults, nginx }, option, cell) => {
    const [standard = ''] = cell.split(', or ')
    const [, ours = standard, theirs] = /^(.*?) \((.*)\)$/.exec(standard) ?? []
    // It may be that of another option.
    expect(Reflect.get(defaults, ours) ?? valueOf(ours)).toEqual(Reflect.get(defaults, option))
    if (theirs !== undefined) expect(valueOf(theirs)).toEqual(Reflect.get(nginx ?? {}, option))
  })
})

describe('the README', () => {
  it('has both commands on its first screen', () => {
    const firstScreen = readme.split('\n').slice(0, 25).join('\n')
    expect(firstScreen).toMatch(/^npm run demo/m)
    expect(firstScreen).toMatch(/^npm test/m)
    expect(firstScreen).toContain('npm install evenkeel')
  })

  it('has every error code', () => {
    const codes = tableRows(readme, 'When something goes wrong').map(([code]) => code)
    expect(codes.sort()).toEqual(wordsOf('src/errors.ts', 'ErrorCode').sort())
  })

  it('has every event', () => {
    expect(namesIn('Events').sort()).toEqual(membersOf('src/events.ts', 'BalancerEvents').sort())
  })

  it('has every condition', () => {
    const row = tableRows(readme, 'The balancer').find(([name]) => name === 'nextUpstream.on')
    for (const condition of CONDITIONS) expect(row?.join(' ')).toContain(condition)
  })

  it('has every log', () => {
    for (const [log] of read('src/debug.ts').matchAll(/evenkeel:\w+/g))
      expect(readme).toContain(`\`${log}\``)
  })

  it('shows the errors of a wrong configuration as they are', () => {
    const shown = codeBlocks(readme, 'text').find(({ code }) => code.startsWith('failTimout'))
    const options = {
      upstream: [{ url: 'http://10.0.0.1', weight: 0 }],
      failTimout: '10s',
      selector: 'least_con',
    }
    let message = ''
    try {
      createBalancer(options)
    } catch (error) {
      message = (error as Error).message
    }
    expect(message.split('\n').sort()).toEqual(shown?.code.trim().split('\n').sort())
  })
})

describe('docs/architecture.md', () => {
  const tree = codeBlocks(read('docs/architecture.md'), 'text')[0]?.code ?? ''

  it('names every folder of src, and every file beside them', () => {
    const entries = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    for (const entry of entries) {
      if (entry.isDirectory()) expect(tree).toContain(`${entry.name}/`)
      else if (entry.parentPath === join(root, 'src')) expect(tree).toContain(entry.name)
    }
  })

  it('names no file or folder that is not there', () => {
    const names = tree.matchAll(/^ {2,}([\w./-]+)(?: {2}([\w-]+\.ts)| {3}([\w-]+\.ts))?/gm)
    for (const [, ...found] of names) {
      for (const name of found.filter(Boolean)) {
        const places = [`src/${name}`, `src/transport/${name}`, `src/observe/${name}`]
        expect(places.some((place) => existsSync(join(root, place)))).toBe(true)
      }
    }
  })
})

describe('all documents', () => {
  it.each(DOCUMENTS)('%s: links lead somewhere', (document) => {
    const markdown = read(document)
    for (const [, link = ''] of markdown.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (link.startsWith('https://')) continue
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? document : join(dirname(document), file)
      expect(existsSync(join(root, target)), link).toBe(true)
      if (anchor !== undefined) expect(anchorsOf(read(target)), link).toContain(anchor)
    }
  })

  it('have TypeScript that compiles', { timeout: 60_000 }, () => {
    const pieces = DOCUMENTS.flatMap((document) =>
      codeBlocks(read(document), 'ts').map(
        ({ code, line }) => [`${document.replace('/', '-')}-line-${line}.ts`, code] as const,
      ),
    )
    expect(pieces.length).toBeGreaterThan(10)
    expect(compile(new Map(pieces))).toEqual([])
  })
})

/** As GitHub makes them. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

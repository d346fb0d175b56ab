/** What is shown cannot become markup, and the script is made of nothing but itself. */
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PageDocument } from '../../../../src/observe/status/page/document.js'
import { LIVE } from '../../../../src/observe/status/page/live.js'
import { STYLES } from '../../../../src/observe/status/page/styles.js'
import { toHtml } from '../../../../src/observe/status/page/tree.js'
import { VIEW } from '../../../../src/observe/status/page/view.js'
import type { StatusSnapshot } from '../../../../src/observe/status/report.js'
import { clip, pathOf } from '../../../../src/observe/shown-text.js'

const history = { requests: [0, 3], failures: [0, 1], p99: [-1, 20] }
const latency = { p50: 1, p90: 2, p99: 3 }

/** A state in which every text is `text`. */
function stateOf(text: string): StatusSnapshot {
  return {
    title: text,
    upstream: text,
    selector: text,
    at: 0,
    uptime: 100_000_000,
    counting: 5000,
    span: 5000,
    controls: true,
    totals: {
      requestsPerSecond: 12_345,
      errorShare: 0.5,
      retriesPerSecond: 1,
      inFlight: 1,
      latency,
      requests: 20_000_000,
      errors: 1,
      queue: { waiting: 1, size: 10, waits: latency, turnedAway: 1 },
      history,
    },
    peers: [
      {
        name: text,
        state: 'ejected',
        reason: text,
        returnsIn: 1500,
        weight: 2,
        easedWeight: 0.5,
        backup: true,
        tier: 2,
        locality: text,
        inFlight: 1,
        maxConns: 10,
        requestsPerSecond: 1,
        failuresPerSecond: 0,
        latency,
        ledgers: { transport: 1, status: 2, stale: 3 },
        pool: { active: 1, idle: 2 },
        reusedShare: 0.9,
        history,
      },
    ],
    incidents: [
      {
        id: 1,
        state: 'open',
        upstream: text,
        start: 0,
        end: 10,
        failed: 3,
        codes: { [text]: 3 },
        triggers: [{ at: 0, method: text, path: text, peer: text, outcome: text }],
        timeline: [{ at: 0, peer: text, change: 'ejected', reason: text }],
        mechanism: text as never,
        summary: text,
        prevention: { option: text, advice: text },
      },
    ],
    warning: {
      at: 0,
      chance: 0.4,
      horizon: 3_600_000,
      marks: { [text]: 2 },
      window: 1,
      summary: text,
    },
    failures: [
      {
        id: 1,
        at: 0,
        method: text,
        path: text,
        status: 502,
        code: text as never,
        duration: 1,
        waited: 1,
        attempts: [
          {
            peer: text,
            outcome: text,
            status: 0,
            startedAt: 0,
            duration: 1,
            condition: 'error',
            decision: text as never,
            why: text as never,
            marked: true,
          },
        ],
        explanation: { summary: text, whyNoNext: text, peers: [text], advice: [text] },
      },
    ],
    configuration: { [text]: text },
  }
}

const document = new PageDocument()

describe('the page', () => {
  it('shows every text as text', () => {
    const plain = document.html(stateOf('PLAIN'), './json')
    const hostile = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '<script>alert(1)</script>',
        '"><img src=x onerror=alert(1)>',
        "' autofocus onfocus='alert(1)",
        '</style></title></svg>&lt;<!--',
        '__proto__',
        'constructor',
        'javascript:alert(1)',
      ),
    )
    const skeleton = (html: string): string =>
      html.replace(/>[^<]*/g, '>').replace(/="[^"]*"/g, '=""')
    const expected = skeleton(plain.slice(plain.indexOf('<body')))
    fc.assert(
      fc.property(hostile, (text) => {
        fc.pre(text !== '')
        const html = document.html(stateOf(text), './json')
        expect(skeleton(html.slice(html.indexOf('<body')))).toBe(expected)
      }),
      { numRuns: 100 },
    )
  })

  it('is small', () => {
    expect(Buffer.byteLength(document.html(stateOf('a'), './json'))).toBeLessThan(40_000)
  })

  it('allows nothing but what is in it', () => {
    expect(document.policy).toMatch(
      /^default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    )
    const html = document.html(stateOf('a'), './json')
    expect(html).not.toMatch(/\s(style|on\w+)=/)
    expect(html.match(/(src|href)="[^"]*"/g)).toEqual(['href="data:,"', 'href="./json"'])
    expect(STYLES).not.toMatch(/url\(|@import/)
  })

  it('has a script that shows in a browser what the server has written', () => {
    const state = stateOf('a')
    const html = document.html(state, './json')
    const script = /<script>([^]*)<\/script>/.exec(html)?.[1] ?? ''
    // The object of the script, without its start.
    const object = script.slice(script.indexOf('({'), script.lastIndexOf('.start('))
    const trees = runInNewContext(`${object}.main(${JSON.stringify(state)}, 0)`) as never[]
    expect(trees.map(toHtml)).toEqual(VIEW.main(state, 0).map(toHtml))
  })

  it('has no helper of a bundler round any function of the script', () => {
    // `const f = () => …` within a method would get one from esbuild's keepNames.
    for (const member of Object.values(LIVE)) {
      if (typeof member === 'function')
        expect(String(member)).not.toMatch(
          /(?:const|let) \w+ = (?:async )?(?:\([^)]*\)|\w+) =>|function |__name/,
        )
    }
  })
})

describe('texts', () => {
  it('are cut, and show what cannot be seen', () => {
    expect(clip('abc', 3)).toBe('abc')
    expect(clip('abcd', 3)).toBe('ab…')
    expect(clip('a\u202eb\u0000', 30)).toBe('a\\u{202e}b\\u{0}')
    expect(clip('x'.repeat(16_000), 200)).toHaveLength(200)
    expect(clip('\u0000'.repeat(300), 200)).toHaveLength(200)
  })

  it.each([
    ['/a/b?c#d', '/a/b'],
    ['/a#b?c', '/a'],
    ['?x', '/'],
    ['http://user:secret@host/a?b', '/a'],
    ['http://host', '/'],
    ['user:secret@host:443', '/'],
    ['*', '/'],
  ])('of the target %s the path is %s', (target, path) => {
    expect(pathOf(target, 100)).toBe(path)
  })
})

/** The examples with nothing but Node's own servers: plain http, the https edge, selectors of one's own. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { reset, respond } from 'evenkeel/testing'
import { describe, expect, it, vi } from 'vitest'
import { byTenant, start as startSelector } from '../../../examples/custom-selector.js'
import { start as startEdge } from '../../../examples/https-edge.js'
import { start as startPlain } from '../../../examples/plain-http.js'
import { ask, noise, onStage, sha256 } from './harness.js'
import type { Reply } from './harness.js'

describe.each([
  ['plain-http', startPlain],
  ['https-edge', startEdge],
])('%s', (name, start) => {
  it('shares the requests out', async () => {
    await onStage(start, async ({ url, one, two }) => {
      for (let i = 0; i < 4; i++) expect((await ask(url)).status).toBe(200)
      expect(one.requests).toHaveLength(2)
      expect(two.requests).toHaveLength(2)
    })
  })

  it('answers from the other peer when one breaks its connections', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    await onStage(start, async ({ url, one, two }) => {
      one.reply(reset())
      for (let i = 0; i < 6; i++) expect((await ask(url)).body.toString()).toBe('two')
      expect(one.requests.length).toBeGreaterThan(0)
      expect(two.requests).toHaveLength(6)
    })
  })

  it.each([
    ['of known length', 20_000, false],
    ['chunked', 20_000, true],
    ['of 3 MB', 3_000_000, false],
    ['of 3 MB, chunked', 3_000_000, true],
  ])('carries a body %s unchanged, both ways', async (_what, length, chunked) => {
    await onStage(start, async ({ url, one, two, requests }) => {
      const back = noise(length)
      for (const peer of [one, two]) peer.reply(respond({ body: back }))
      const body = noise(length)
      const reply = await ask(url, { body, chunked })
      expect(reply.status).toBe(200)
      expect(sha256(reply.body)).toBe(sha256(back))
      expect(requests().map((request) => request.sha256)).toEqual([sha256(body)])
    })
  })

  it('tells the peers who asked, and believes no stranger', async () => {
    await onStage(start, async ({ url, requests }) => {
      await ask(`${url}/a?b=c`, {
        headers: { 'X-Forwarded-For': '6.6.6.6', 'X-Real-IP': '6.6.6.6' },
      })
      const [request] = requests()
      expect(request?.target).toBe('/a?b=c')
      expect(request?.headers).toMatchObject({
        host: new URL(url).host,
        'x-forwarded-for': '127.0.0.1',
        'x-real-ip': '127.0.0.1',
        'x-forwarded-proto': name === 'https-edge' ? 'https' : 'http',
      })
    })
  })

  it('finishes what is under way before it closes', async () => {
    const whole = noise(500_000)
    let running: Promise<Reply> | undefined
    await onStage(start, async ({ url, one, two, requests }) => {
      for (const peer of [one, two]) peer.reply(respond({ body: whole, delay: 100 }))
      running = ask(url)
      await vi.waitFor(() => expect(requests()).toHaveLength(1))
      // `onStage` closes the example now.
    })
    expect(sha256((await running)?.body ?? '')).toBe(sha256(whole))
  })
})

describe('custom-selector', () => {
  it.each([
    ['the object', undefined],
    ['the bare function', byTenant],
  ])('%s: a tenant stays with its peer', async (_what, selector) => {
    await onStage(
      (options) => startSelector(options, selector),
      async ({ url, one, two }) => {
        const ways = new Map<string, Set<string>>()
        for (let i = 0; i < 60; i++) {
          const tenant = `tenant-${i % 20}`
          const reply = await ask(url, { headers: { 'X-Tenant': tenant } })
          ways.set(tenant, (ways.get(tenant) ?? new Set()).add(reply.body.toString()))
        }
        expect([...ways.values()].map((peers) => peers.size)).toEqual(Array(20).fill(1))
        expect(one.requests.length).toBeGreaterThan(0)
        expect(two.requests.length).toBeGreaterThan(0)
      },
    )
  })

  it('a tenant moves when its peer does not answer', async () => {
    await onStage(startSelector, async ({ url, one, two }) => {
      const headers = { 'X-Tenant': 'acme' }
      const home = (await ask(url, { headers })).body.toString() === 'one' ? one : two
      home.reply(reset())
      const other = home === one ? 'two' : 'one'
      expect((await ask(url, { headers })).body.toString()).toBe(other)
    })
  })

  it('requests without a tenant go to both peers', async () => {
    await onStage(startSelector, async ({ url, one, two }) => {
      for (let i = 0; i < 40; i++) await ask(url)
      expect(one.requests.length).toBeGreaterThan(0)
      expect(two.requests.length).toBeGreaterThan(0)
    })
  })

  it('in the library the algorithm is one file and one line of the table', () => {
    const root = fileURLToPath(new URL('../../..', import.meta.url))
    const copy = mkdtempSync(join(tmpdir(), 'evenkeel-selector-'))
    try {
      cpSync(join(root, 'src'), join(copy, 'src'), { recursive: true })
      cpSync(join(root, 'package.json'), join(copy, 'package.json'))
      symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction')
      const algorithm = readFileSync(join(root, 'examples/selectors/two-choices.ts'), 'utf8')
      writeFileSync(
        join(copy, 'src/selection/two-choices.ts'),
        algorithm.replace("'evenkeel'", "'../upstream/peer-selector.js'"),
      )
      const table = readFileSync(join(copy, 'src/selection/index.ts'), 'utf8')
      writeFileSync(
        join(copy, 'src/selection/index.ts'),
        `import { twoChoices } from './two-choices.js'\n${table}`.replace(
          'new Map([',
          "new Map([\n  ['two_choices', twoChoices],",
        ),
      )
      writeFileSync(
        join(copy, 'try.ts'),
        `import { createUpstream } from './src/index.ts'
         try { createUpstream({ peers: ['a'], selector: 'two_choice' }) } catch (error) { console.log(error.message) }
         await createUpstream({ peers: ['a'], selector: 'two_choices' }).close()
         console.log('made')`,
      )
      const tsx = join(root, 'node_modules/tsx/dist/cli.mjs')
      const run = spawnSync(process.execPath, [tsx, 'try.ts'], { cwd: copy, encoding: 'utf8' })
      expect(run.stderr).toBe('')
      expect(run.stdout).toContain('did you mean two_choices?')
      expect(run.stdout).toContain('made')
    } finally {
      rmSync(copy, { recursive: true, force: true })
    }
  })
})

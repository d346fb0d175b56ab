/** Directive by directive: a real nginx and the preset answer alike. The rows are nginx's own. */
import { describe, expect, it } from 'vitest'
import { nginxBinary } from './nginx-process.js'
import { compare, earlyInASecond, sleep } from './rig.js'
import type { Act, PeerSetup, Rig, Setup } from './rig.js'

const FIVE_XX = [
  'error',
  'timeout',
  'invalid_header',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
] as const

const two: readonly PeerSetup[] = [{}, {}]
const three: readonly PeerSetup[] = [{}, {}, {}]
const unmarked = (count: number): readonly PeerSetup[] =>
  Array.from({ length: count }, () => ({ maxFails: 0 }))

/** `status peers [upstream statuses]` of each row: what nginx gave, and the balancer too. */
const gist = (rows: readonly string[]): readonly string[] =>
  rows.map((row) => / -> (.*?);/.exec(row)?.[1] ?? row)

async function gists(setup: Setup, play: (rig: Rig) => Promise<void>): Promise<readonly string[]> {
  return gist(await compare(setup, play))
}

describe.skipIf(nginxBinary === undefined)(`directives against ${nginxBinary?.version}`, () => {
  describe('server: weight, backup, down, max_conns', () => {
    it.each([
      ['equal', [1, 1, 1]],
      ['5 1 1', [5, 1, 1]],
      ['1 2 3 4', [1, 2, 3, 4]],
      ['10 1', [10, 1]],
      ['7 5 3 2', [7, 5, 3, 2]],
    ])('weights %s', async (_, weights) => {
      const setup = { peers: weights.map((weight) => ({ weight })) }
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      const rows = await gists(setup, (rig) => rig.requests(2 * total))
      weights.forEach((weight, i) => {
        const name = String.fromCharCode(65 + i)
        expect(rows.filter((row) => row === `200 ${name} [200]`)).toHaveLength(2 * weight)
      })
    })

    it.each([0, 1, 2, 3])(
      'a dead peer and max_fails=%i: weights recover pick by pick',
      async (maxFails) => {
        const setup = { peers: [{ weight: 6, maxFails }, { weight: 3 }, { weight: 2 }] }
        await compare(setup, async (rig) => {
          await rig.requests(3)
          await rig.crash(0)
          await rig.requests(3)
          await rig.start(0)
          await rig.requests(25)
        })
      },
    )

    it('effective_weight is lowered by weight / max_fails and grows by one a pick', async () => {
      const setup = { peers: [{ weight: 9, maxFails: 4 }, { weight: 4 }], on: FIVE_XX }
      await compare(setup, async (rig) => {
        await rig.requests(2, { acts: [503, 200] })
        await rig.requests(30)
      })
    })

    it('backups serve when no primary can, and keep the request for its later tries', async () => {
      const peers = [{}, {}, { backup: true }, { backup: true, weight: 2 }]
      const rows = await gists({ peers, on: FIVE_XX }, async (rig) => {
        await rig.request()
        await rig.request({ acts: ['reset', 'reset', 503, 200] })
        await rig.requests(6)
        await rig.request({ acts: [200, 200, 503, 'reset'] })
        await rig.request()
      })
      expect(rows[1]).toMatch(/^200 B, A, D \[502, 502, 200\]$|^200 B, A, D, C|^200 B, A, C, D/)
    })

    it('backups with different weights share what comes', async () => {
      const peers = [{}, { backup: true, weight: 3 }, { backup: true }]
      await compare({ peers }, async (rig) => {
        await rig.crash(0)
        await rig.requests(9)
      })
    })

    it('a server that is down gets nothing, and does not count for tries', async () => {
      const peers = [{ down: true }, {}, { down: true }]
      const rows = await gists({ peers, on: FIVE_XX }, async (rig) => {
        await rig.request({ acts: [200, 500] })
        await rig.request({ acts: [200, 'reset'] })
        await rig.request()
      })
      expect(rows).toEqual(['500 B [500]', '502 B [502]', '502 group [502]'])
    })

    it('all down', async () => {
      const rows = await gists({ peers: [{ down: true }, { down: true }] }, (rig) =>
        rig.requests(2),
      )
      expect(rows).toEqual(['502 group [502]', '502 group [502]'])
    })

    it('the only server, down', async () => {
      expect(await gists({ peers: [{ down: true }] }, (rig) => rig.request())).toEqual([
        '502 group [502]',
      ])
    })

    it('max_conns: a full peer is passed over, and all full is 502', async () => {
      const peers = [{ weight: 3, maxConns: 1 }, { maxConns: 2 }]
      const rows = await gists({ peers, readTimeout: 5000 }, async (rig) => {
        for (let i = 0; i < 4; i++) await rig.begin({ acts: ['hold:x'] })
        await rig.release('x')
        await rig.requests(4)
      })
      expect(rows.slice(0, 4)).toEqual([
        '200 A [200]',
        '200 B [200]',
        '200 B [200]',
        '502 group [502]',
      ])
    })

    it('max_conns of the only server', async () => {
      const rows = await gists({ peers: [{ maxConns: 1 }], readTimeout: 5000 }, async (rig) => {
        await rig.begin({ acts: ['hold:x'] })
        await rig.request()
        await rig.release('x')
        await rig.request()
      })
      expect(rows).toEqual(['200 A [200]', '502 group [502]', '200 A [200]'])
    })

    it('max_conns of primaries sends to the backup', async () => {
      const peers = [{ maxConns: 1 }, { backup: true }]
      const rows = await gists({ peers, readTimeout: 5000 }, async (rig) => {
        await rig.begin({ acts: ['hold:x'] })
        await rig.request()
        await rig.release('x')
        await rig.request()
      })
      expect(rows).toEqual(['200 A [200]', '200 B [200]', '200 A [200]'])
    })

    it('least_conn with attempts in flight, ties by smooth round robin', async () => {
      const peers = [{ weight: 2 }, {}, { weight: 3 }]
      await compare({ peers, selector: 'least_conn', readTimeout: 5000 }, async (rig) => {
        await rig.requests(4)
        for (let i = 0; i < 9; i++) await rig.begin({ acts: ['hold:x'] })
        await rig.requests(3)
        await rig.release('x')
        await rig.requests(6, { acts: [200, 'reset', 200] })
      })
    })
  })

  describe('max_fails and fail_timeout in real time', () => {
    it('the whole second after fail_timeout is still down; then one request at a time', async () => {
      const peers = [{ failTimeout: 1 }, { failTimeout: 60 }]
      const rows = await gists({ peers, readTimeout: 5000, on: FIVE_XX }, async (rig) => {
        await earlyInASecond()
        await rig.request({ acts: [500, 200] })
        await rig.requests(2)
        await sleep(1000)
        await rig.requests(2)
        await sleep(1000)
        await rig.begin({ acts: ['hold:probe', 200] })
        await rig.begin({ acts: ['hold:probe', 200] })
        await rig.requests(3)
        await rig.release('probe')
        await rig.requests(4)
      })
      expect(rows.slice(0, 5)).toEqual([
        '200 A, B [500, 200]',
        '200 B [200]',
        '200 B [200]',
        '200 B [200]',
        '200 B [200]',
      ])
      expect(rows.slice(5).filter((row) => row === '200 A [200]').length).toBeGreaterThan(1)
    })

    it('a failure of the one request arms the window again', async () => {
      const peers = [{ failTimeout: 1 }, {}]
      const rows = await gists({ peers }, async (rig) => {
        await earlyInASecond()
        await rig.request({ acts: ['reset', 200] })
        await sleep(2000)
        await rig.requests(3, { acts: ['reset', 200] })
        await rig.requests(2)
      })
      expect(rows.filter((row) => row === '200 A, B [502, 200]')).toHaveLength(2)
      expect(rows.slice(-2)).toEqual(['200 B [200]', '200 B [200]'])
    })
  })

  describe('"no live upstreams"', () => {
    it('the incident: two 500s black out the bystanders', async () => {
      const rows = await gists({ peers: two, on: FIVE_XX }, async (rig) => {
        await rig.request({ acts: [500] })
        await rig.request()
        await rig.request({ acts: [500] })
        await rig.requests(5)
        expect(rig.errorLog()).toContain('no live upstreams while connecting to upstream')
      })
      expect(rows).toEqual([
        '500 A, B [500, 500]',
        '200 B [200]',
        '502 B, group [500, 502]',
        ...Array.from({ length: 5 }, () => '502 group [502]'),
      ])
    })

    it('max_fails=0 knows no blackout', async () => {
      const rows = await gists({ peers: unmarked(2), on: FIVE_XX }, async (rig) => {
        await rig.requests(4, { acts: [500] })
        await rig.requests(4)
      })
      expect(rows.slice(4).every((row) => row.startsWith('200'))).toBe(true)
    })

    it('the only server is never marked', async () => {
      const rows = await gists({ peers: [{}], on: FIVE_XX }, async (rig) => {
        await rig.requests(3, { acts: ['reset'] })
        await rig.requests(2, { acts: [500] })
        await rig.request()
      })
      expect(rows.at(-1)).toBe('200 A [200]')
    })

    it('one more server that is down ends that exemption', async () => {
      const rows = await gists({ peers: [{}, { down: true }] }, async (rig) => {
        await rig.request({ acts: ['reset'] })
        await rig.request()
      })
      expect(rows).toEqual(['502 A [502]', '502 group [502]'])
    })

    it('one more server that is a backup ends it, too', async () => {
      const rows = await gists({ peers: [{}, { backup: true }] }, async (rig) => {
        await rig.request({ acts: ['reset', 'reset'] })
        await rig.request()
      })
      expect(rows).toEqual(['502 A, B [502, 502]', '502 group [502]'])
    })
  })

  describe('proxy_next_upstream', () => {
    const statuses = [500, 502, 503, 504, 403, 404, 429]
    it.each(statuses.map((status) => [status]))('http_%i listed, then not', async (status) => {
      const listed = { peers: two, on: ['error', `http_${status}`] as Setup['on'] & object }
      const play = async (rig: Rig): Promise<void> => {
        await rig.request({ acts: [status, 200] })
        await rig.request({ acts: [200, status] })
        await rig.requests(4)
        await rig.request({ method: 'POST', acts: [status, status] })
        await rig.requests(3)
      }
      const rows = await gists(listed, play)
      expect(rows[0]).toBe(`200 A, B [${status}, 200]`)
      expect((await gists({ peers: two }, play))[0]).toBe(`${status} A [${status}]`)
    })

    it('http_403 and http_404 are never blamed', async () => {
      const rows = await gists({ peers: two, on: ['http_403', 'http_404'] }, async (rig) => {
        await rig.requests(4, { acts: [404] })
        await rig.requests(4, { acts: [403] })
        await rig.requests(2)
      })
      expect(rows.slice(-2)).toEqual(['200 A [200]', '200 B [200]'])
    })

    it.each([501, 505, 520, 400, 408, 413, 507].map((status) => [status]))(
      '%i never matches',
      async (status) => {
        const on = [...FIVE_XX, 'http_403', 'http_404', 'http_429', 'non_idempotent'] as const
        const rows = await gists({ peers: two, on }, (rig) => rig.requests(3, { acts: [status] }))
        expect(rows).toEqual([
          `${status} A [${status}]`,
          `${status} B [${status}]`,
          `${status} A [${status}]`,
        ])
      },
    )

    it.each<[Act, number]>([
      ['reset', 502],
      ['close', 502],
      ['part', 502],
      ['big', 502],
      ['hang', 504],
    ])('off: %s is not tried elsewhere, and is blamed all the same', async (act, status) => {
      const rows = await gists({ peers: two, on: ['off'] }, async (rig) => {
        await rig.request({ acts: [act, 200] })
        await rig.requests(3)
      })
      expect(rows).toEqual([`${status} A [${status}]`, '200 B [200]', '200 B [200]', '200 B [200]'])
    })

    it.each<[Act, boolean]>([
      ['reset', true],
      ['hang', true],
      ['big', false],
      [500, false],
    ])('the default lists error and timeout: %s goes on (%s)', async (act, goesOn) => {
      const rows = await gists({ peers: two }, (rig) => rig.request({ acts: [act, 200] }))
      expect(rows[0]?.startsWith('200')).toBe(goesOn)
    })

    it.each(['POST', 'LOCK', 'PATCH'])('%s that was sent is not repeated', async (method) => {
      const on = [...FIVE_XX, 'http_404'] as const
      const rows = await gists({ peers: unmarked(2), on }, async (rig) => {
        for (const act of ['reset', 'big', 'hang', 500, 404] as const) {
          await rig.request({ method, acts: [act] })
        }
      })
      expect(rows.every((row) => !row.includes(','))).toBe(true)
    })

    it.each(['POST', 'LOCK', 'PATCH'])('%s with non_idempotent is repeated', async (method) => {
      const on = [...FIVE_XX, 'non_idempotent'] as const
      const rows = await gists({ peers: unmarked(2), on }, async (rig) => {
        for (const act of ['reset', 'big', 'hang', 500] as const) {
          await rig.request({ method, acts: [act] })
        }
      })
      expect(rows.every((row) => row.includes(','))).toBe(true)
    })

    it.each(['PUT', 'DELETE', 'OPTIONS', 'MKCOL', 'PROPPATCH'])(
      '%s is repeated',
      async (method) => {
        const rows = await gists({ peers: unmarked(2), on: FIVE_XX }, (rig) =>
          rig.request({ method, acts: ['reset', 200] }),
        )
        expect(rows).toEqual(['200 A, B [502, 200]'])
      },
    )

    it('a refused connection is tried elsewhere for POST, too', async () => {
      const rows = await gists({ peers: two }, async (rig) => {
        await rig.crash(0)
        await rig.request({ method: 'POST', body: 20_000 })
      })
      expect(rows).toEqual(['200 A, B [502, 200]'])
    })

    it.each([1, 50_000, 200_000, 1_000_000])(
      'a body of %i bytes is sent again whole',
      async (body) => {
        const rows = await gists({ peers: unmarked(3), on: FIVE_XX }, (rig) =>
          rig.request({ method: 'PUT', body, acts: ['reset', 503, 200] }),
        )
        expect(rows).toEqual(['200 A, B, C [502, 503, 200]'])
      },
    )
  })

  describe('proxy_next_upstream_tries', () => {
    it.each([1, 2, 3, 4, 5])('%i, of four peers', async (tries) => {
      const rows = await gists({ peers: unmarked(4), on: FIVE_XX, tries }, async (rig) => {
        await rig.request({ acts: ['reset'] })
        await rig.request({ acts: [503] })
        await rig.request({ acts: ['big'] })
      })
      const most = Math.min(tries, 4)
      for (const row of rows) expect(row.split(' [')[0]?.split(', ')).toHaveLength(most)
    })

    it('the same trouble at every peer: each of them is asked', async () => {
      const rows = await gists({ peers: three, on: FIVE_XX }, (rig) => rig.request({ acts: [500] }))
      expect(rows).toEqual(['500 A, B, C [500, 500, 500]'])
    })

    it.each<[Act]>([['reset'], ['close'], ['big'], ['hang'], [503]])(
      '%s at two peers of three, and the third answers',
      async (act) => {
        const rows = await gists({ peers: three, on: FIVE_XX }, async (rig) => {
          await rig.request({ acts: [act, act, 200] })
          await rig.requests(3)
        })
        expect(rows.every((row) => row.startsWith('200'))).toBe(true)
      },
    )

    it('tries is not the number of peers that can be had', async () => {
      const rows = await gists({ peers: three, on: FIVE_XX }, async (rig) => {
        await rig.crash(0)
        await rig.crash(1)
        await rig.request()
        await rig.request({ acts: [200, 200, 500] })
      })
      expect(rows[1]).toBe('502 C, group [500, 502]')
    })
  })

  describe('stale connections', () => {
    const keepalive = 8
    it('go to another peer, are blamed, and give the try back', async () => {
      const rows = await gists({ peers: two, keepalive, tries: 1 }, async (rig) => {
        await rig.requests(2)
        await rig.request({ acts: ['stale', 200] })
        await rig.requests(2)
      })
      expect(rows.slice(2)).toEqual(['200 A, B [502, 200]', '200 B [200]', '200 B [200]'])
    })

    it('two of two peers stale is 502', async () => {
      const rows = await gists({ peers: two, keepalive }, async (rig) => {
        await rig.requests(2)
        await rig.request({ acts: ['stale'] })
        await rig.request()
      })
      expect(rows.slice(2)).toEqual(['502 A, B, group [502, 502, 502]', '502 group [502]'])
    })

    it('of the only server: tried again until a connection is fresh', async () => {
      const rows = await gists({ peers: [{}], keepalive, readTimeout: 5000 }, async (rig) => {
        for (let i = 0; i < 3; i++) await rig.begin({ acts: ['hold:x'] })
        await rig.release('x')
        await rig.request({ acts: ['stale'] })
        await rig.request()
      })
      expect(rows.slice(3)).toEqual(['200 A, A, A, A [502, 502, 502, 200]', '200 A [200]'])
    })

    it('a POST on one is 502', async () => {
      const rows = await gists({ peers: two, keepalive }, async (rig) => {
        await rig.requests(2)
        await rig.request({ method: 'POST', acts: ['stale'] })
        await rig.requests(2)
      })
      expect(rows.slice(2)).toEqual(['502 A [502]', '200 B [200]', '200 B [200]'])
    })

    it('a kept connection that dies in the header gives its try back, too', async () => {
      const rows = await gists({ peers: two, keepalive, tries: 1 }, async (rig) => {
        await rig.requests(2)
        await rig.request({ acts: ['part', 200] })
      })
      expect(rows[2]).toBe('200 A, B [502, 200]')
    })

    // One difference is left: nginx keeps the connection of a listed 403 or 404 without a body (to HEAD, say).
    it.each<[string, Act]>([
      ['GET', 503],
      ['HEAD', 503],
      ['GET', 404],
    ])('%s %i left for another peer: its connection is closed', async (method, act) => {
      const setup = { peers: unmarked(2), keepalive, on: [...FIVE_XX, 'http_404'] as const }
      const rows = await gists(setup, async (rig) => {
        await rig.request({ method, acts: [act, 200] })
        await rig.request()
        await rig.request({ method: 'POST', acts: ['stale', 200] })
      })
      expect([rows[0], rows[2]]).toEqual([`200 A, B [${act}, 200]`, '200 A [200]'])
    })

    it.each<[Act]>([['big'], ['hang'], [503]])('%s on a kept connection does not', async (act) => {
      await compare({ peers: two, keepalive, tries: 1, on: FIVE_XX }, async (rig) => {
        await rig.requests(2)
        await rig.request({ acts: [act, 200] })
      })
    })
  })

  describe('what is no failure', () => {
    it('an upstream that dies in the body: the client is cut off', async () => {
      const rows = await compare({ peers: two, on: FIVE_XX }, async (rig) => {
        await rig.requests(3, { acts: ['half'] })
        await rig.requests(2)
      })
      expect(rows[0]).toContain('client 200 "(cut)"')
      expect(gist(rows)).toEqual(['A', 'B', 'A', 'B', 'A'].map((peer) => `200 ${peer} [200]`))
    })

    it('a client that leaves before the answer', async () => {
      const rows = await gists({ peers: two, readTimeout: 5000 }, async (rig) => {
        await rig.request({ acts: ['hang'], leaves: 'asked' })
        await rig.requests(3)
      })
      expect(rows).toEqual(['499 A [-]', '200 B [200]', '200 A [200]', '200 B [200]'])
    })

    it('a client that leaves during the second try', async () => {
      const rows = await gists({ peers: three, readTimeout: 5000 }, async (rig) => {
        await rig.crash(0)
        await rig.request({ acts: ['hang'], leaves: 'asked' })
        await rig.requests(3)
      })
      expect(rows[0]).toBe('499 A, B [502, -]')
    })
  })

  describe('proxy_next_upstream_timeout', () => {
    it('no further try begins after it', async () => {
      const setup = { peers: unmarked(3), readTimeout: 120, nextTimeout: 200 }
      const rows = await gists(setup, (rig) => rig.request({ acts: ['hang'] }))
      expect(rows).toEqual(['504 A, B [504, 504]'])
    })

    it('does not end the running attempt', async () => {
      const setup = { peers: unmarked(2), readTimeout: 5000, nextTimeout: 100 }
      const rows = await gists(setup, async (rig) => {
        await rig.begin({ acts: ['hold:x'] })
        await sleep(250)
        await rig.release('x')
      })
      expect(rows).toEqual(['200 A [200]'])
    })
  })
})

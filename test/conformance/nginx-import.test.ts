/** What fromNginx makes of a location and nginx itself: the same requests at both, and what the peers see of them. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBalancer, fromNginx } from 'evenkeel'
import { createMockUpstream, respond } from 'evenkeel/testing'
import type { MockUpstream } from 'evenkeel/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nginxBinary, startNginx } from './differential/nginx-process.js'

interface Case {
  readonly location: string
  readonly inside: string
  readonly paths: readonly string[]
}

/** `http://app` is the upstream in each of them. */
const CASES: readonly Case[] = [
  {
    location: '/plain/',
    inside: 'proxy_pass http://app;',
    paths: ['/plain/', '/plain/a%20b/c?d=%2F', '/plain/?'],
  },
  {
    location: '/slash/',
    inside: 'proxy_pass http://app/;',
    paths: ['/slash/', '/slash/a?b=c', '/slash/a%20b'],
  },
  { location: '/bare', inside: 'proxy_pass http://app/;', paths: ['/bare', '/bare/a', '/barely'] },
  { location: '/glued/', inside: 'proxy_pass http://app/v2;', paths: ['/glued/a', '/glued/?b'] },
  { location: '= /exact', inside: 'proxy_pass http://app/y;', paths: ['/exact', '/exact?b'] },
  {
    location: '/rewritten/',
    inside:
      'rewrite ^/rewritten/(.*)$ /$1 break; rewrite ^/a$ /never break; proxy_pass http://app;',
    paths: ['/rewritten/a?b', '/rewritten/a', '/rewritten/'],
  },
  { location: '/uri/', inside: 'proxy_pass http://app$request_uri;', paths: ['/uri/a%20b?c'] },
  {
    location: '/before/',
    inside: 'proxy_pass http://app/v2$request_uri;',
    paths: ['/before/a?b', '/before/'],
  },
  {
    location: '/args/',
    inside: 'rewrite ^/args/(.*)$ /$1 break; proxy_pass http://app$uri$is_args$args;',
    paths: ['/args/a?b', '/args/a'],
  },
  {
    location: '/set/',
    inside: 'set $pool app; proxy_pass http://$pool;',
    paths: ['/set/a?b'],
  },
  {
    location: '/pitfall/',
    inside: 'set $pool app; proxy_pass http://$pool/;',
    paths: ['/pitfall/a?b', '/pitfall/'],
  },
  {
    location: '~ ^/user/(.*)$',
    inside: 'proxy_pass http://app/u/$1$is_args$args;',
    paths: ['/user/7?a=b', '/user/7'],
  },
  {
    location: '~ ^/named/(?<id>\\d+)$',
    inside: 'proxy_pass http://app/n/$id;',
    paths: ['/named/7?a=b', '/named/7'],
  },
  {
    location: '~* /img/(\\w+)\\.(png|jpg)',
    inside: 'proxy_pass http://app/i/$2/$1?s=1;',
    paths: ['/x/IMG/b.png?c=d', '/img/a.jpg/more'],
  },
]

/** Its name as a path, for `location` of fromNginx. */
function pathOf({ paths }: Case): string {
  return (paths[0] ?? '').replace(/\?.*$/, '')
}

describe.skipIf(nginxBinary === undefined)(`against ${nginxBinary?.version ?? ''}`, () => {
  let peer: MockUpstream
  beforeAll(async () => {
    peer = await createMockUpstream()
    peer.reply(respond({ body: 'ok' }))
  })
  afterAll(() => peer.close())

  async function seen(port: number, paths: readonly string[]): Promise<string[]> {
    const from = peer.requests.length
    for (const path of paths) await (await fetch(`http://127.0.0.1:${port}${path}`)).text()
    return peer.requests.slice(from).map(({ target }) => target)
  }

  it('peers are asked for the same', async () => {
    const blocks = CASES.map(({ location, inside }) => `location ${location} { ${inside} }`).join(
      '\n',
    )
    const upstream = `upstream app { server ${peer.address}; }`
    const nginx = await startNginx({ upstream, location: 'return 404;', server: blocks })
    const text = `${upstream} server { ${blocks} }`
    try {
      for (const each of CASES) {
        const imported = fromNginx(text, { location: pathOf(each) })
        expect(imported.problems).toEqual([])
        const balancer = createBalancer(imported.options)
        const server = createServer(balancer).listen(0, '127.0.0.1')
        const theirs = await seen(nginx.port, each.paths)
        const ours = await seen((server.address() as AddressInfo).port, each.paths)
        await balancer.close({ timeout: 0 })
        server.close()
        server.closeAllConnections()
        expect({ inside: each.inside, targets: ours }).toEqual({
          inside: each.inside,
          targets: theirs,
        })
      }
    } finally {
      await nginx.stop()
    }
  })
})

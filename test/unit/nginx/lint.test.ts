/** The lint: for each rule what triggers it, and what does not. */
import { describe, expect, it } from 'vitest'
import { lintNginx, parseNginxConfig } from 'evenkeel'
import type { Lint, LintRule } from 'evenkeel'

interface Parts {
  main?: string
  upstream?: string
  location?: string
}

function lint({ main = '', upstream = 'server a; server b;', location = '' }: Parts): Lint[] {
  return lintNginx(
    parseNginxConfig(`${main}
http { upstream app { ${upstream} }
server { location / { ${location.includes('proxy_pass') ? '' : 'proxy_pass http://app;'} ${location} } } }`),
  )
}

function found(parts: Parts, rule: LintRule): Lint | undefined {
  return lint(parts).find((each) => each.rule === rule)
}

const HTTP_500 = 'proxy_next_upstream error timeout http_500;'
const ten = Array.from({ length: 10 }, (_, at) => `server s${at};`).join('')

describe.each<[LintRule, Parts[], Parts[]]>([
  [
    'application-errors-mark-peers',
    [
      { location: HTTP_500 },
      { location: 'proxy_next_upstream http_502;' },
      { location: HTTP_500, upstream: 'server a max_fails=2; server b max_fails=2;' },
      { location: HTTP_500, upstream: 'server a; server b; server c backup;' },
      { location: HTTP_500, upstream: 'server a; server b backup;' },
      { location: HTTP_500, upstream: 'server a fail_timeout=0; server b fail_timeout=0;' },
      { location: `set $pool app; proxy_pass http://$pool; ${HTTP_500}` },
    ],
    [
      {},
      { location: 'proxy_next_upstream error timeout http_404;' },
      { location: 'proxy_next_upstream off;' },
      { location: HTTP_500, upstream: 'server a;' },
      { location: HTTP_500, upstream: 'server a max_fails=0; server b;' },
      { location: HTTP_500, upstream: 'server a; server b max_fails=0 backup;' },
      { location: HTTP_500, upstream: 'server a; server b down;' },
      { location: `${HTTP_500} proxy_next_upstream_tries 1;` },
      { location: HTTP_500, upstream: ten },
    ],
  ],
  [
    'unlimited-tries',
    [{ upstream: ten }, { upstream: ten, location: 'proxy_next_upstream_tries 0;' }],
    [
      {},
      { upstream: ten, location: 'proxy_next_upstream_tries 2;' },
      { upstream: ten, location: 'proxy_next_upstream_timeout 5s;' },
      { upstream: ten, location: 'proxy_next_upstream off;' },
    ],
  ],
  [
    'probe-takes-long',
    [{ location: 'proxy_read_timeout 180s;' }],
    [
      {},
      { location: 'proxy_read_timeout 5s;' },
      { location: 'proxy_read_timeout 180s;', upstream: 'server a;' },
      {
        location: 'proxy_read_timeout 180s;',
        upstream: 'server a max_fails=0; server b max_fails=0;',
      },
    ],
  ],
  [
    'down-peer-is-counted',
    [{ upstream: 'server a; server b down;' }],
    [
      {},
      { upstream: 'server a; server b; server c down;' },
      { upstream: 'server a max_fails=0; server b down;' },
    ],
  ],
  [
    'backup-is-ignored',
    [
      { upstream: 'server a; server b backup; hash $uri;' },
      { upstream: 'ip_hash; server a; server b backup;' },
    ],
    [{ upstream: 'server a; server b backup;' }, { upstream: 'server a; server b; hash $uri;' }],
  ],
  ['no-keepalive', [{}], [{ upstream: 'server a; keepalive 8;' }]],
  [
    'keepalive-without-effect',
    [
      { upstream: 'server a; keepalive 8;' },
      { upstream: 'server a; keepalive 8;', location: 'proxy_http_version 1.1;' },
      {
        upstream: 'server a; keepalive 8;',
        location: 'proxy_http_version 1.1; proxy_set_header Connection close;',
      },
      {
        main: "map $http_upgrade $connection_upgrade { default upgrade; '' close; }",
        upstream: 'server a; keepalive 8;',
        location: 'proxy_http_version 1.1; proxy_set_header Connection $connection_upgrade;',
      },
    ],
    [
      {},
      {
        upstream: 'server a; keepalive 8;',
        location: 'proxy_http_version 1.1; proxy_set_header Connection "";',
      },
      {
        main: "map $http_upgrade $connection_upgrade { default upgrade; '' ''; }",
        upstream: 'server a; keepalive 8;',
        location: 'proxy_http_version 1.1; proxy_set_header Connection $connection_upgrade;',
      },
      { upstream: 'server a; keepalive 0;' },
    ],
  ],
  [
    'keepalive-longer-than-the-peers',
    [
      { upstream: 'server a; keepalive 8;' },
      { upstream: 'server a; keepalive 8; keepalive_timeout 75s;' },
    ],
    [{}, { upstream: 'server a; keepalive 8; keepalive_timeout 4s;' }],
  ],
  [
    'keepalive-before-method',
    [{ upstream: 'server a; keepalive 8; least_conn;' }],
    [{ upstream: 'least_conn; server a; keepalive 8;' }, { upstream: 'least_conn; server a;' }],
  ],
  [
    'header-buffer-of-one-page',
    [{}, { location: 'proxy_buffer_size 4k;' }],
    [{ location: 'proxy_buffer_size 16k;' }, { upstream: 'server a;' }],
  ],
  [
    'marks-are-not-logged',
    [
      { main: 'error_log /x error;' },
      { main: 'error_log /x;' },
      { main: 'error_log /x warn;', location: 'error_log /y crit;' },
    ],
    [
      {},
      { main: 'error_log /x warn;' },
      { main: 'error_log /x;', location: 'error_log /y warn;' },
      { main: 'error_log /x; error_log /y warn;' },
      { main: 'error_log /x error;', upstream: 'server a;' },
    ],
  ],
  [
    'invalid',
    [
      { upstream: 'server a server_fail_timeout=10s;' },
      { upstream: 'server a; server_fail_timeout 10s;' },
      { upstream: '' },
    ],
    [{}],
  ],
])('%s', (rule, triggers, quiet) => {
  it.each(triggers)('is triggered: %j', (parts) => {
    const lint = found(parts, rule)
    expect(lint).toMatchObject({ rule, file: 'nginx.conf' })
    expect(lint?.message && lint.advice.nginx && lint.advice.evenkeel).not.toBe('')
  })
  it.each(quiet)('is not triggered: %j', (parts) => {
    expect(found(parts, rule)).toBeUndefined()
  })
})

describe('the incident', () => {
  const rule = 'application-errors-mark-peers'
  it('one error that marks is a danger, at the directive that lists it', () => {
    expect(found({ location: `\n${HTTP_500}` }, rule)).toMatchObject({
      severity: 'danger',
      line: 4,
    })
    expect(found({ location: 'proxy_next_upstream http_502;' }, rule)?.severity).toBe('warning')
    const twice = { location: HTTP_500, upstream: 'server a max_fails=2; server b max_fails=2;' }
    expect(found(twice, rule)?.severity).toBe('warning')
    expect(found(twice, rule)?.message).toContain('4 of them within 10 s')
  })

  it('is worse with workers that share nothing', () => {
    const workers = { location: HTTP_500, main: 'worker_processes 2;' }
    expect(found(workers, rule)?.message).toContain('Each of the 2 workers')
    expect(found({ ...workers, main: 'worker_processes auto;' }, rule)?.message).toContain(
      'workers',
    )
    expect(
      found({ ...workers, upstream: 'zone z 64k; server a; server b;' }, rule)?.message,
    ).not.toContain('workers')
    expect(found({ location: HTTP_500 }, rule)?.message).not.toContain('workers')
  })

  it('is seen through inheritance', () => {
    const text = `http { ${HTTP_500} upstream app { server a; server b; }
      server { location /a { proxy_pass http://app; proxy_next_upstream error; } location /b { proxy_pass http://APP/x; } } }`
    const lints = lintNginx(parseNginxConfig(text)).filter((each) => each.rule === rule)
    expect(lints).toHaveLength(1)
  })
})

it('the gravest comes first', () => {
  const order = ['error', 'danger', 'warning', 'notice']
  const severities = lint({
    main: 'error_log x;',
    upstream: 'server a x; server b;',
    location: HTTP_500,
  }).map(({ severity }) => order.indexOf(severity))
  expect(new Set(severities).size).toBe(4)
  expect(severities).toEqual(severities.toSorted())
})

it('needs time in proportion: locations', { timeout: 30_000 }, () => {
  // Looked through for each of them, they would take minutes.
  const locations = Array.from(
    { length: 60_000 },
    (_, at) => `location /${at} { ${HTTP_500} proxy_pass http://app; }`,
  )
  const text = `upstream app { server a; server b; } server { ${locations.join('\n')} }`
  const lints = lintNginx(parseNginxConfig(text))
  expect(lints.filter(({ severity }) => severity === 'danger')).toHaveLength(60_000)
})

/** nginx's directives as options: each directive, inheritance, which location, what is listed and what is wrong. */
import { describe, expect, it } from 'vitest'
import { createBalancer, fromNginx } from 'evenkeel'
import type { FromNginxOptions, NginxImport } from 'evenkeel'

/** In `location / { … }` before `upstream app`. */
function imported(
  location: string,
  more: { upstream?: string; server?: string; http?: string; preset?: 'nginx' } = {},
): NginxImport {
  const { upstream = 'server 10.0.0.1:80;', server = '', http = '', preset } = more
  const text = `http { ${http}
upstream app { ${upstream} }
server { server_name a.example; ${server} location / { ${location} } } }`
  return made(text, { location: '/', preset })
}

/** What comes out must be what createBalancer takes. */
function made(text: string, options: FromNginxOptions): NginxImport {
  const result = fromNginx(text, options)
  void createBalancer({ ...result.options }).close({ timeout: 0 })
  return result
}

const PASS = 'proxy_pass http://app;'

/** Options without those that every import here has. */
function optionsOf({ options }: NginxImport): object {
  const { name: _name, upstream: _upstream, ...rest } = options
  return rest
}

describe('directives of a location', () => {
  it.each<[string, object]>([
    ['', {}],
    [
      'proxy_connect_timeout 5; proxy_read_timeout 1m 30s; proxy_send_timeout 500ms;'.replace(
        '1m 30s',
        '"1m 30s"',
      ),
      { connectTimeout: '5', readTimeout: '1m 30s', sendTimeout: '500ms' },
    ],
    [
      'proxy_buffering on; proxy_buffers 8 16k; proxy_buffer_size 8k; proxy_max_temp_file_size 0; proxy_temp_path /tmp/x 1 2;',
      { buffering: 'on', buffers: 131072, bufferSize: '8k', maxTempFile: '0', tempPath: '/tmp/x' },
    ],
    ['proxy_buffering off;', { buffering: 'off' }],
    [
      'proxy_request_buffering off; client_max_body_size 0; client_body_buffer_size 8k;',
      { requestBuffering: 'off', maxBody: '0', bodyBuffer: '8k' },
    ],
    ['proxy_request_buffering on;', { requestBuffering: 'full' }],
    [
      'proxy_next_upstream error http_500 non_idempotent; proxy_next_upstream_tries 2; proxy_next_upstream_timeout 3s;',
      { nextUpstream: { on: ['error', 'http_500', 'non_idempotent'], tries: 2, timeout: '3s' } },
    ],
    ['proxy_next_upstream off;', { nextUpstream: { on: ['off'] } }],
    [
      'proxy_next_upstream error; proxy_next_upstream http_503;',
      { nextUpstream: { on: ['error', 'http_503'] } },
    ],
    ['limit_rate 10k;', { limitRate: '10k' }],
    ['proxy_limit_rate 20k;', { limitRate: '20k' }],
    [
      'proxy_ignore_client_abort on; proxy_bind 127.0.0.2; proxy_http_version 1.1; proxy_intercept_errors off;',
      { ignoreClientAbort: true, bind: '127.0.0.2' },
    ],
    ['proxy_set_header Host $host;', { host: 'client' }],
    ['proxy_set_header Host $http_host;', { host: 'client' }],
    ['proxy_set_header Host $proxy_host;', { host: 'app' }],
    ['proxy_set_header Host ${proxy_host};', { host: 'app' }],
    ['proxy_set_header Host example.net;', { host: 'example.net' }],
    [
      'proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header Connection ""; proxy_set_header Upgrade $http_upgrade;',
      {},
    ],
    [
      'proxy_set_header X-Forwarded-Proto https; proxy_set_header Accept-Encoding ""; proxy_set_header A 1; proxy_set_header a 2;',
      {
        requestHeaders: {
          remove: ['Accept-Encoding'],
          set: { 'X-Forwarded-Proto': 'https', A: ['1', '2'] },
        },
      },
    ],
    [
      'set $v "lit"; proxy_set_header X-V "$v/$server_name:$proxy_port";',
      { requestHeaders: { set: { 'X-V': 'lit/a.example:80' } } },
    ],
    [
      'proxy_hide_header X-Powered-By; proxy_pass_header Server;',
      { responseHeaders: { remove: ['X-Powered-By'] } },
    ],
    [
      'add_header X-Frame-Options DENY always;',
      { responseHeaders: { append: { 'X-Frame-Options': 'DENY' } } },
    ],
    ['proxy_redirect off;', { redirect: false }],
    ['proxy_redirect default;', {}],
    [
      'proxy_redirect http://app/ /x/; proxy_redirect ~^http://([^/]+):\\d+(/.*)$ http://$1$2;',
      {
        redirect: [
          { from: 'http://app/', to: '/x/' },
          { from: /^http:\/\/([^/]+):\d+(\/.*)$/, to: 'http://$1$2' },
        ],
      },
    ],
    [
      'proxy_cookie_domain localhost example.org; proxy_cookie_path ~*^/x/(.+) /$1;',
      {
        cookieDomain: [{ from: 'localhost', to: 'example.org' }],
        cookiePath: [{ from: /^\/x\/(.+)/i, to: '/$1' }],
      },
    ],
    ['proxy_cookie_domain off; proxy_cookie_path off;', {}],
    [
      'rewrite ^/api/(?<rest>.*)$ /$rest break;',
      { rewrite: [{ from: /^\/api\/(?<rest>.*)$/, to: '/$<rest>' }] },
    ],
    [
      'set_real_ip_from 10.0.0.0/8; set_real_ip_from ::1; real_ip_header X-Forwarded-For; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
      { trustProxy: ['10.0.0.0/8', '::1'] },
    ],
  ])('%s', (directives, options) => {
    const result = imported(`${PASS} ${directives}`)
    expect(optionsOf(result)).toEqual(options)
    expect(result.problems).toEqual([])
  })

  it('every directive is listed once at least, with its place', () => {
    const result = imported(`${PASS}\nproxy_read_timeout 5s;\nproxy_cache zone;`)
    expect(result.taken).toContainEqual({
      directive: 'proxy_read_timeout 5s',
      option: 'readTimeout',
      file: 'nginx.conf',
      line: 4,
    })
    expect(result.notCarriedOver).toContainEqual(
      expect.objectContaining({
        directive: 'proxy_cache zone',
        meaning: 'there is no cache',
        line: 5,
      }),
    )
  })

  it('texts with variables become functions', () => {
    const { options } = imported(
      `${PASS} proxy_set_header X-Url $scheme://$host$request_uri; proxy_set_header X-None $http_none; add_header X-Peer $upstream_addr;`,
    )
    const request = {
      socket: { remoteAddress: '192.0.2.1' },
      headers: { host: 'Example.com:81' },
      url: '/a?b',
      method: 'GET',
    }
    const value = (set: unknown, context: object): unknown =>
      (set as (context: object) => unknown)(context)
    expect(value(options.requestHeaders?.set?.['X-Url'], { request })).toEqual([
      'http://example.com/a?b',
    ])
    expect(value(options.requestHeaders?.set?.['X-None'], { request })).toEqual([])
    const append = options.responseHeaders?.append?.['X-Peer']
    expect(value(append, { request, peer: { name: '10.0.0.1:80' }, status: 200 })).toEqual([
      '10.0.0.1:80',
    ])
    expect(value(append, { request, peer: { name: '10.0.0.1:80' }, status: 404 })).toBeUndefined()
  })
})

describe('what other directives make of a directive', () => {
  it('with WebSockets, proxy_read_timeout is their time, too', () => {
    const upgrade = 'proxy_set_header Upgrade $http_upgrade;'
    for (const more of [{}, { preset: 'nginx' }] as const) {
      const { options } = imported(`${PASS} proxy_read_timeout 1d; ${upgrade}`, more)
      expect(options).toMatchObject({ readTimeout: '1d', tunnelTimeout: '1d' })
    }
    expect(imported(`${PASS} proxy_read_timeout 1d;`).options.tunnelTimeout).toBeUndefined()
  })

  it('of one field, lines with and without "always" cannot stand side by side', () => {
    const { notCarriedOver, options } = imported(
      `${PASS} add_header A 1 always; add_header a 2; add_header B 3;`,
    )
    expect(notCarriedOver[0]?.directive).toBe('add_header a 2')
    expect(options.responseHeaders).toMatchObject({ append: { A: '1' } })
  })

  it('without real_ip_header another field is read', () => {
    const from = 'set_real_ip_from 10.0.0.0/8;'
    const listed = (more: string): readonly string[] =>
      imported(`${PASS} ${from} ${more}`).notCarriedOver.map(({ directive }) => directive)
    expect(listed('')).toContain('set_real_ip_from 10.0.0.0/8')
    expect(listed('real_ip_header X-Forwarded-For;')).not.toContain('set_real_ip_from 10.0.0.0/8')
  })

  it('the address of the client is the one that the proxy in front names', () => {
    const { notCarriedOver, options } = imported(
      `${PASS} proxy_set_header X-Client $remote_addr; proxy_set_header X-All "$proxy_add_x_forwarded_for"; proxy_set_header X-Real-IP $remote_addr; add_header X-You $remote_addr always;`,
      { server: 'set_real_ip_from 10.0.0.1; real_ip_header X-Forwarded-For;' },
    )
    expect(options).not.toHaveProperty('requestHeaders')
    expect(options).not.toHaveProperty('responseHeaders')
    const texts = notCarriedOver.map(({ directive }) => directive)
    expect(texts).toContain('proxy_set_header X-Client $remote_addr')
    expect(texts).toContain('add_header X-You $remote_addr always')
  })

  it('a Host that only nginx knows is the client’s, with nginx’s defaults as well', () => {
    const { options } = imported(`${PASS} proxy_set_header Host $my_host;`, { preset: 'nginx' })
    expect(options.host).toBe('client')
  })
})

describe('what has no counterpart is listed', () => {
  it.each([
    'proxy_set_header X-Id $request_id',
    'proxy_set_header X-Bad "\\n"',
    'proxy_set_header Transfer-Encoding chunked',
    'proxy_set_header Host $my_host',
    'add_header X-Id $request_id',
    'proxy_redirect ~^(?>a) /',
    'proxy_redirect http:// $scheme://',
    'proxy_cookie_path ~(?<n>a) "$other"',
    'proxy_cookie_flags ~ secure',
    'rewrite ^/a /b last',
    'rewrite ^/a\\h /b break',
    'proxy_bind $remote_addr transparent',
    'proxy_intercept_errors on',
    'proxy_http_version 1.0',
    'proxy_read_timeout 40d',
    'proxy_connect_timeout 0',
    'proxy_temp_path temp',
    'limit_rate $x',
    'proxy_method POST',
    'auth_request /auth',
    'gzip on',
    'include more.conf',
    'a_directive_of_somebody x',
    'set_real_ip_from unix:',
  ])('%s', (directive) => {
    const result = imported(`${PASS} ${directive};`)
    expect(result.notCarriedOver.map(({ directive: text }) => text)).toContain(
      directive.replaceAll('"', '').replace('\\n', '\\x0a'),
    )
    expect(result.problems).toEqual([])
    for (const { meaning, instead } of result.notCarriedOver)
      expect(meaning && instead).not.toBe('')
  })

  it('a block', () => {
    const { notCarriedOver } = imported(`${PASS} if ($http_x = y) { return 403; }`)
    expect(notCarriedOver.map(({ directive }) => directive)).toContain(
      'if ($http_x = y )'.replace(' )', ')'),
    )
  })
})

describe('what is wrong is said in nginx’s words', () => {
  it.each([
    ['proxy_read_timeout x;', '"proxy_read_timeout" directive invalid value'],
    ['proxy_read_timeout 1 2;', 'invalid number of arguments in "proxy_read_timeout" directive'],
    ['proxy_read_timeout 1; proxy_read_timeout 2;', '"proxy_read_timeout" directive is duplicate'],
    [
      'proxy_buffering yes;',
      'invalid value "yes" in "proxy_buffering" directive, it must be "on" or "off"',
    ],
    ['proxy_next_upstream error http_501;', 'invalid value "http_501"'],
    ['proxy_next_upstream eror;', 'invalid value "eror" (did you mean error?)'],
    ['proxy_next_upstream_tries x;', '"proxy_next_upstream_tries" directive invalid number'],
    [
      'proxy_reed_timeout 1;',
      'unknown directive "proxy_reed_timeout" (did you mean proxy_read_timeout?)',
    ],
    ['proxy_buffers 8;', 'invalid number of arguments in "proxy_buffers" directive'],
    ['proxy_set_header A;', 'invalid number of arguments in "proxy_set_header" directive'],
    ['add_header A b sometimes;', 'invalid parameter "sometimes"'],
    ['access_log x nope;', 'unknown log format "nope"'],
  ])('%s', (directive, message) => {
    expect(imported(`${PASS} ${directive}`).problems.map((problem) => problem.message)).toEqual([
      message,
    ])
  })
})

describe('servers of an upstream', () => {
  it.each<[string, object | string]>([
    ['10.0.0.1', 'http://10.0.0.1'],
    ['10.0.0.1:81', 'http://10.0.0.1:81'],
    ['[::1]:81', 'http://[::1]:81'],
    ['unix:/tmp/a.sock', 'unix:/tmp/a.sock'],
    ['app.internal', 'http://app.internal'],
    [
      '10.0.0.1 weight=5 max_conns=10 max_fails=3 fail_timeout=30s slow_start=1m down',
      { weight: 5, maxConns: 10, maxFails: 3, failTimeout: '30s', slowStart: '1m', down: true },
    ],
    ['10.0.0.1 drain route=a', { drain: true, labels: { route: 'a' } }],
    ['10.0.0.2; server 10.0.0.1 backup', { backup: true }],
  ])('%s', (server, expected) => {
    const { options } = imported(PASS, { upstream: `server ${server};` })
    const last = (options.upstream as object[]).at(-1)
    expect(last).toEqual(
      typeof expected === 'string' ? { url: expected } : { url: 'http://10.0.0.1', ...expected },
    )
  })

  it.each([
    [
      'server 10.0.0.1 server_fail_timeout=10s;',
      'invalid parameter "server_fail_timeout=10s" (did you mean fail_timeout?)',
    ],
    ['server 10.0.0.1 weight=0;', 'invalid parameter "weight=0"'],
    ['server 10.0.0.1 fail_timeout=5ms;', 'invalid parameter "fail_timeout=5ms"'],
    ['server 10.0.0.1 max_fails=-1;', 'invalid parameter "max_fails=-1"'],
    ['server 10.0.0.1 backups;', 'invalid parameter "backups" (did you mean backup?)'],
    ['server 10.0.0.1/x; server 10.0.0.2;', 'invalid host in upstream "10.0.0.1/x"'],
    ['server 10.0.0.1:99999; server 10.0.0.2;', 'invalid host in upstream "10.0.0.1:99999"'],
    [
      'hash $host; server 10.0.0.1; server 10.0.0.2 backup;',
      'balancing method does not support parameter "backup"',
    ],
    ['server 10.0.0.1; server_fail_timeout 10s;', 'unknown directive "server_fail_timeout"'],
    ['server 10.0.0.1; keepalive many;', 'invalid value "many" in "keepalive" directive'],
    ['server 10.0.0.1; keepalive 1; keepalive 2;', '"keepalive" directive is duplicate'],
    ['server 10.0.0.1; least_conn x;', 'invalid number of arguments in "least_conn" directive'],
    [
      'ip_hash; least_conn; server 10.0.0.1;',
      'load balancing method redefined: the last one is used',
    ],
  ])('%s', (upstream, message) => {
    expect(imported(PASS, { upstream }).problems.map((problem) => problem.message)).toEqual([
      message,
    ])
  })

  it('an upstream without servers', () => {
    expect(fromNginx('upstream a { }', { upstream: 'a' }).problems[0]?.message).toBe(
      'no servers are inside upstream "a"',
    )
  })
})

describe('an upstream', () => {
  it.each<[string, object]>([
    ['least_conn;', { selector: 'least_conn' }],
    ['ip_hash;', { selector: 'ip_hash' }],
    ['random;', { selector: 'random' }],
    ['random two;', { selector: { name: 'random', two: 'least_conn' } }],
    [
      'random two least_time=last_byte;',
      { selector: { name: 'random', two: 'least_time', time: 'last_byte' } },
    ],
    [
      'least_time header inflight;',
      { selector: { name: 'least_time', time: 'header', inflight: true } },
    ],
    ['hash $request_uri consistent;', { selector: { name: 'hash', key: 'uri', consistent: true } }],
    ['hash $http_x$arg_y;', { selector: { name: 'hash', key: '$http_x$arg_y' } }],
    ['hash $binary_remote_addr;', { selector: { name: 'hash', key: 'address' } }],
    ['hash $my_key;', {}],
    ['zone app 64k;', { zone: 'app' }],
    ['queue 10 timeout=5s;', { queue: { size: 10, timeout: '5s' } }],
    ['queue 10;', { queue: { size: 10, timeout: '60s' } }],
    [
      'keepalive 16; keepalive_timeout 4s; keepalive_requests 100; keepalive_time 10m;',
      { keepalive: { connections: 16, timeout: '4s', requests: 100, time: '10m' } },
    ],
    [
      'sticky cookie srv expires=1h domain=.e.org path=/x httponly secure samesite=Lax;',
      {
        sticky: {
          cookie: {
            name: 'srv',
            maxAge: '1h',
            domain: '.e.org',
            path: '/x',
            httpOnly: true,
            secure: true,
            sameSite: 'lax',
          },
        },
      },
    ],
    [
      'sticky route $cookie_a $arg_b $http_x_c;',
      { sticky: { route: [{ cookie: 'a' }, { query: 'b' }, { header: 'x-c' }] } },
    ],
    [
      'sticky learn create=$upstream_cookie_s lookup=$cookie_s zone=z:1m timeout=1h;',
      { sticky: { learn: { create: { cookie: 's' }, lookup: { cookie: 's' }, timeout: '1h' } } },
    ],
  ])('%s', (directives, options) => {
    const result = made(`upstream app { server 10.0.0.1; server 10.0.0.2; ${directives} }`, {
      upstream: 'app',
    })
    expect(optionsOf(result)).toEqual(options)
    expect(result.problems).toEqual([])
    expect(result.options.name).toBe('app')
  })
})

describe('proxy_pass', () => {
  const urls = ({ options }: NginxImport): string[] =>
    (options.upstream as { url: string }[]).map(({ url }) => url)
  it.each<[string, string[], object]>([
    ['http://10.0.0.1:8080', ['http://10.0.0.1:8080'], { host: 'peer' }],
    ['https://example.net', ['https://example.net:443'], { host: 'peer' }],
    ['http://[::1]', ['http://[::1]'], { host: 'peer' }],
    ['http://unix:/tmp/a.sock', ['unix:/tmp/a.sock'], {}],
    ['https://app', ['https://10.0.0.1:80'], {}],
    ['HTTP://APP', ['http://10.0.0.1:80'], {}],
    ['http://app/', ['http://10.0.0.1:80'], {}],
    ['http://app/v2/', ['http://10.0.0.1:80'], { rewrite: { from: '/', to: '/v2/' } }],
    ['http://unix:/tmp/a.sock:/v2/', ['unix:/tmp/a.sock'], { rewrite: { from: '/', to: '/v2/' } }],
  ])('%s', (pass, peers, options) => {
    const result = imported(`proxy_pass ${pass};`)
    expect(urls(result)).toEqual(peers)
    expect(optionsOf(result)).toMatchObject(options)
    expect(Object.keys(optionsOf(result))).toEqual(Object.keys(options))
  })

  it('a URI in an expression’s location is wrong', () => {
    const { problems } = fromNginx('location ~ x { proxy_pass http://10.0.0.1/y; }', {
      location: '/x',
    })
    expect(problems[0]?.message).toContain(
      '"proxy_pass" cannot have URI part in location given by regular expression',
    )
  })

  it('a variable that only a request knows', () => {
    expect(() => imported('proxy_pass http://$backend;')).toThrow('by a variable')
    const { options, taken, notCarriedOver } = imported(
      'set $backend app; proxy_pass http://$backend;',
    )
    expect(options.name).toBe('app')
    expect(taken.map(({ directive }) => directive)).toContain('set $backend app')
    expect(notCarriedOver.map(({ directive }) => directive)).not.toContain('set $backend app')
  })

  it.each<[location: string, pass: string, rewrite: unknown]>([
    ['/a/', 'http://app$request_uri', undefined],
    ['/a/', 'http://app${uri}$is_args$args', undefined],
    ['/a/', 'http://app/v2$request_uri', { from: '/', to: '/v2/' }],
    ['/a/', 'http://$pool/v2', { from: /^/, to: '/v2?' }],
    ['~ ^/a/(.*)$', 'http://app/b/$1$is_args$args', { from: /^\/a\/(.*)$/, to: '/b/$1' }],
    ['~ ^/a/(?<id>.*)$', 'http://app/b/$id?x=1', { from: /^\/a\/(?<id>.*)$/, to: '/b/$<id>?x=1?' }],
  ])('in location %s, %s', (location, pass, rewrite) => {
    const text = `upstream app { server 10.0.0.1; } server { set $pool app; location ${location} { proxy_pass ${pass}; } }`
    const result = made(text, { location: '/a/x' })
    expect(result.options.rewrite).toEqual(rewrite)
    expect(result.problems).toEqual([])
    const [listed] = result.notCarriedOver.filter(({ directive }) => directive.includes('pass'))
    expect(listed).toBeUndefined()
  })

  it('a URI of variables that only a request knows is listed', () => {
    const result = imported('proxy_pass http://app/$arg_page;')
    expect(result.options.rewrite).toBeUndefined()
    expect(result.notCarriedOver[0]).toMatchObject({ directive: 'proxy_pass http://app/$arg_page' })
  })

  it.each<[string, string | undefined]>([
    ['proxy_ssl_verify on;', 'app.example'],
    ['proxy_ssl_server_name on;', 'app.example'],
    ['proxy_ssl_verify on; proxy_ssl_name x.org;', 'x.org'],
    ['proxy_ssl_verify off;', undefined],
  ])('TLS: the name that is checked is the upstream’s: %s', (location, name) => {
    const text = `upstream app.example { server 10.0.0.1:443; } server { location / { proxy_pass https://app.example; ${location} } }`
    expect(made(text, { location: '/' }).options.tls?.name).toBe(name)
  })

  it('TLS is not spoken on a socket', () => {
    const { notCarriedOver } = imported('proxy_pass https://app;', {
      upstream: 'server unix:/tmp/a.sock;',
    })
    expect(notCarriedOver[0]).toMatchObject({ directive: 'server unix:/tmp/a.sock' })
  })

  it('TLS: files are read by whoever can, and never shown', () => {
    const text = `location / { proxy_pass https://10.0.0.1; proxy_ssl_verify off; proxy_ssl_name x.org; proxy_ssl_protocols TLSv1.2 TLSv1.3; proxy_ssl_ciphers DEFAULT; proxy_ssl_trusted_certificate /ca.pem; proxy_ssl_crl /crl; }`
    const read = fromNginx(text, { location: '/', readFile: (path) => `content of ${path}` })
    expect(read.options.tls).toEqual({
      verify: false,
      name: 'x.org',
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      ca: 'content of /ca.pem',
    })
    const unread = made(text, { location: '/' })
    expect(unread.options.tls).not.toHaveProperty('ca')
    expect(unread.notCarriedOver.map(({ directive }) => directive)).toEqual([
      'proxy_ssl_trusted_certificate /ca.pem',
      'proxy_ssl_crl /crl',
    ])
  })
})

describe('inheritance', () => {
  const levels = (http: string, server: string, location: string): object =>
    optionsOf(imported(`${PASS} ${location}`, { http, server }))

  it('a directive holds below its level until it is set again', () => {
    expect(
      levels('proxy_read_timeout 1s; proxy_send_timeout 1s;', 'proxy_read_timeout 2s;', ''),
    ).toEqual({ readTimeout: '2s', sendTimeout: '1s' })
    expect(
      levels('proxy_read_timeout 1s;', 'proxy_read_timeout 2s;', 'proxy_read_timeout 3s;'),
    ).toEqual({ readTimeout: '3s' })
  })

  it.each([
    ['proxy_set_header A 1;', 'proxy_set_header B 2;', { requestHeaders: { set: { B: '2' } } }],
    ['proxy_hide_header A;', 'proxy_hide_header B;', { responseHeaders: { remove: ['B'] } }],
    [
      'add_header A 1 always;',
      'add_header B 2 always;',
      { responseHeaders: { append: { B: '2' } } },
    ],
    [
      'proxy_next_upstream error;',
      'proxy_next_upstream timeout;',
      { nextUpstream: { on: ['timeout'] } },
    ],
    [
      'proxy_redirect http://a/ /;',
      'proxy_redirect http://b/ /;',
      { redirect: [{ from: 'http://b/', to: '/' }] },
    ],
  ])('%s is hidden by %s, and inherited without it', (outer, inner, options) => {
    expect(levels('', outer, inner)).toEqual(options)
    expect(levels(outer, '', '')).not.toEqual({})
    expect(levels(outer, '', '')).toEqual(levels('', '', outer))
  })

  it('proxy_pass and rewrite are not inherited', () => {
    const text =
      'server { rewrite ^/a /b break; location /a { proxy_pass http://10.0.0.1; location /a/b { proxy_read_timeout 1; } } }'
    expect(() => fromNginx(text, { location: '/a/b' })).toThrow(
      'location "/a/b" (nginx.conf:1), which gets "/a/b", has no proxy_pass',
    )
    expect(made(text, { location: '/a' }).options.rewrite).toBeUndefined()
  })

  it('what a server says before its locations is listed, whatever they say', () => {
    const { notCarriedOver } = imported(
      `${PASS} include b; if ($x) { return 1; } rewrite ^/x /y break; set $b $uri;`,
      { server: 'include a; if ($host = w) { return 1; } rewrite ^/old /new; set $a $uri;' },
    )
    const texts = notCarriedOver.map(({ directive }) => directive)
    for (const text of ['include a', 'if ($host = w)', 'rewrite ^/old /new', 'set $a $uri']) {
      expect(texts).toContain(text)
    }
  })

  it('a nested location inherits the rest', () => {
    const text =
      'server { location /a { proxy_read_timeout 1; location /a/b { proxy_pass http://10.0.0.1; } } }'
    expect(made(text, { location: '/a/b/c' }).options.readTimeout).toBe('1')
  })
})

describe('which location gets a path', () => {
  it('servers of one name differ by their ports', () => {
    const text =
      'server { listen 80; listen [::]:80; server_name a; location / { proxy_pass http://10.0.0.1; } } server { listen 10.0.0.9:443 ssl; server_name a; location / { proxy_pass http://10.0.0.2; } }'
    expect(() => made(text, { location: '/', server: 'a' })).toThrow(
      'several servers have a location for "/": "a:80" (nginx.conf:1), "a:443" (nginx.conf:1)',
    )
    for (const [port, url] of [
      ['80', 'http://10.0.0.1'],
      ['443', 'http://10.0.0.2'],
    ]) {
      const { options } = made(text, { location: '/', server: `a:${port}` })
      expect(options.upstream).toEqual([{ url }])
    }
    expect(() => made(text, { location: '/', server: 'a:81' })).toThrow('there is no location')
  })

  it('the one that is written so, where the one that gets it passes nothing on', () => {
    const text =
      'location = / { return 302 /app; } location / { proxy_pass http://10.0.0.1; } location ~ ^/a { return 404; } location /a { proxy_pass http://10.0.0.2; }'
    expect(made(text, { location: '/' }).title).toBe('location /')
    expect(made(text, { location: '/a' }).title).toBe('location /a')
    expect(() => made(text, { location: '/ab' })).toThrow('has no proxy_pass')
  })

  const TEXT = `server {
    location / { proxy_pass http://10.0.0.1:1; }
    location = /x { proxy_pass http://10.0.0.1:2; }
    location /x { proxy_pass http://10.0.0.1:3; }
    location ^~ /static/ { proxy_pass http://10.0.0.1:4; }
    location /x/long { proxy_pass http://10.0.0.1:5; location ~ \\.in$ { proxy_pass http://10.0.0.1:6; } }
    location ~ \\.php$ { proxy_pass http://10.0.0.1:7; }
    location ~* \\.(php|JPG)$ { proxy_pass http://10.0.0.1:8; }
    location @named { proxy_pass http://10.0.0.1:9; }
    location /dir/ { proxy_pass http://10.0.0.1:10; }
  }`
  it.each<[string, number]>([
    ['/', 1],
    ['/other', 1],
    ['/x', 2],
    ['/xy', 3],
    ['/x/lon', 3],
    ['/static/a.php', 4],
    ['/x/long/a', 5],
    ['/x/long/a.in', 6],
    ['/x/long/a.php', 7],
    ['/a.PHP', 8],
    ['/a.jpg', 8],
    ['@named', 9],
    ['~ \\.php$', 7],
    ['= /x', 2],
    ['/dir', 10],
  ])('%s', (path, port) => {
    const { options } = made(TEXT, { location: path })
    expect(options.upstream).toEqual([{ url: `http://10.0.0.1:${port}` }])
  })

  const SERVERS = `http { server { listen 80; server_name a.org www.a.org; return 301 https://a.org; }
    server { listen 443 ssl; server_name a.org *.a.org; location / { proxy_pass http://10.0.0.1:1; } }
    server { server_name b.org ~^c\\d; location / { proxy_pass http://10.0.0.1:2; } } }`
  it.each<[string, number]>([
    ['a.org', 1],
    ['x.a.org', 1],
    ['B.org', 2],
    ['c7.org', 2],
  ])('of server %s', (server, port) => {
    expect(made(SERVERS, { location: '/', server }).options.upstream).toEqual([
      { url: `http://10.0.0.1:${port}` },
    ])
  })

  it.each<[FromNginxOptions, string]>([
    [
      { location: '/' },
      'several servers have a location for "/": "a.org" (nginx.conf:2), "b.org" (nginx.conf:3); say which one is meant by its name',
    ],
    [
      { location: '/', server: 'd.org' },
      'there is no location for "/" in a server "d.org"; locations with a proxy_pass: "/", "/"',
    ],
    [{ location: '@x' }, 'there is no location for "@x"; locations with a proxy_pass: "/", "/"'],
    [{ upstream: 'x' }, 'there is no upstream "x"; there are: none'],
    [{}, 'say which upstream or location is meant; upstreams: none'],
  ])('%j', (options, message) => {
    expect(() => fromNginx(SERVERS, options)).toThrow(message)
  })
})

describe("preset: 'nginx'", () => {
  it('nginx’s defaults stand for what is not written', () => {
    const { options } = imported(PASS, { preset: 'nginx' })
    expect(options).toMatchObject({ preset: 'nginx', host: 'app', forwarded: 'none' })
    expect(
      imported(`${PASS} proxy_set_header X-Real-IP $remote_addr;`, { preset: 'nginx' }).options
        .forwarded,
    ).toBeUndefined()
  })
})

describe('the access log', () => {
  const HTTP = `log_format tabs '$status\\t' '$upstream_addr\\\\'; log_format js escape=json '{"a":"$status"}';
    log_format mine '$my_own'; log_format known '$server_name $proxy_host \${proxy_port}0';`
  it.each([
    ['access_log logs/a;', { name: 'combined' }, { format: 'combined' }],
    [
      'access_log logs/a tabs buffer=32k;',
      { name: 'tabs', format: '$status\t$upstream_addr\\', path: 'logs/a' },
      { format: '$status\t$upstream_addr\\\\' },
    ],
    [
      'access_log logs/a js;',
      { name: 'js', escape: 'json' },
      { format: '{"a":"$status"}', escape: 'json' },
    ],
    ['access_log logs/a mine;', { name: 'mine' }, undefined],
    ['access_log logs/a known;', { name: 'known' }, { format: 'a.example app 800' }],
  ])('%s', (directive, logFormat, option) => {
    const { logFormat: found, options } = imported(PASS, { http: `${HTTP} ${directive}` })
    expect(found).toMatchObject(logFormat)
    expect(options.accessLog).toEqual(option)
    const off = imported(`${PASS} access_log off;`, { http: `${HTTP} ${directive}` })
    expect([off.logFormat, off.options.accessLog]).toEqual([undefined, undefined])
  })
})

describe('secrets', () => {
  it('are in the options, and in nothing that is shown', () => {
    const result = imported(
      `${PASS} proxy_set_header Authorization "Basic c2VjcmV0"; set $api_key "c2VjcmV0"; proxy_set_header X-K $api_key; if ($http_authorization = "c2VjcmV0") { return 200; }`,
    )
    expect(result.options.requestHeaders?.set?.['Authorization']).toBe('Basic c2VjcmV0')
    const { options: _options, draft: _draft, ...shown } = result
    expect(JSON.stringify(shown)).not.toContain('c2VjcmV0')
  })
})

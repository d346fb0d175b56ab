/** Lines of the access log: ours and a live nginx's for the same requests, field by field. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accessLog, createBalancer, createUpstream } from 'evenkeel'
import type { AccessLog, Balancer, LogStream } from 'evenkeel'
import {
  closeConnection,
  createMockUpstream,
  dieInBody,
  hang,
  hugeHeader,
  raw,
  reset,
  respond,
  switchProtocols,
} from 'evenkeel/testing'
import type { Answer, MockUpstream } from 'evenkeel/testing'
import { CASES } from './access-log-cases.js'
import type { Act, Case } from './access-log-cases.js'
import { comparable, fieldsOf, FORMAT, JSON_FORMAT, misshapen } from './access-log-format.js'
import type { Fields } from './access-log-format.js'
import { nginxBinary, startNginx } from './differential/nginx-process.js'
import type { Nginx } from './differential/nginx-process.js'

const GROUPS = ['both', 'one', 'impatient', 'refused', 'dead'] as const
/** Milliseconds between two reads: nobody waits for the long one, and no slow machine runs into the short one. */
const READ_TIMEOUT = { impatient: 500, others: 20_000 }
const readTimeoutOf = (name: (typeof GROUPS)[number]): number =>
  name === 'impatient' ? READ_TIMEOUT.impatient : READ_TIMEOUT.others

/** A line, and what its client has got. */
interface Logged {
  readonly fields: Fields
  readonly json: Fields
  readonly received: number
  /** Of the error log, since the case before. */
  readonly errors: readonly string[]
}

interface Proxy {
  readonly port: number
  lines(): readonly string[]
  jsonLines(): readonly string[]
  errors(): readonly string[]
}

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

const HEADERS = { 'X-Up': 'u"1', 'Content-Type': 'text/plain', 'Set-Cookie': 'id=7"; Path=/' }

function answerOf(act: Act): Answer {
  switch (act) {
    case 'ok':
      return respond({ headers: HEADERS, body: 'hello' })
    case 'chunked':
      return respond({ headers: HEADERS, body: 'hello', chunked: true })
    case 'big':
      return respond({ headers: HEADERS, body: 'b'.repeat(300_000) })
    case 'bigChunked':
      return respond({ headers: HEADERS, body: 'c'.repeat(300_000), chunked: true })
    case '302':
      return respond({ status: 302, headers: { Location: 'http://x.example/"' } })
    case '304':
      return respond({ status: 304, headers: { ETag: '"abc"' } })
    case 'hang':
      return hang()
    case 'half':
      return dieInBody({ announce: 1000, send: 10, how: 'fin', delay: 10, headers: HEADERS })
    case 'halfReset':
      return dieInBody({ announce: 1000, send: 10, how: 'reset', headers: HEADERS })
    case 'badChunk':
      return raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n')
    case 'stall':
      return raw('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n1234567890')
    case 'reset':
      return reset()
    case 'close':
      return closeConnection()
    case 'hugeHeader':
      return hugeHeader(40_000)
    case 'switch':
      return switchProtocols()
    default:
      return respond({
        status: Number(act),
        headers: HEADERS,
        body: act === '204' ? '' : `<${act}>`,
      })
  }
}

const NAMES = ['A', 'B']
let asked = 0

describe.skipIf(nginxBinary === undefined)('the access log', () => {
  let mocks: MockUpstream[]
  let gone: string[]
  let nginx: Nginx
  let server: Server
  let log: AccessLog
  let jsonLog: AccessLog
  let balancers: Balancer[]
  const results = new Map<string, readonly (readonly Logged[])[]>()

  beforeAll(async () => {
    mocks = await Promise.all(
      NAMES.map((_, index) =>
        createMockUpstream({
          answer: ({ headers }) => {
            asked++
            return answerOf(headers['x-acts']!.split(',')[index] as Act)
          },
        }),
      ),
    )
    // Not those of peers that were closed: another test may have them by now.
    gone = ['127.0.0.1:1', '127.0.0.1:2']
    nginx = await startNginx(
      nginxParts(
        mocks.map(({ address }) => address),
        gone,
      ),
    )
    const written: string[] = []
    const errors: string[] = []
    const json: string[] = []
    log = accessLog({ format: FORMAT, stream: { write: (text) => written.push(text) } })
    jsonLog = accessLog({
      format: JSON_FORMAT,
      escape: 'json',
      stream: { write: (text) => json.push(text) },
    })
    balancers = balancersOf(mocks, gone, log, { write: (text) => errors.push(text) })
    server = serverOf(balancers, [log, jsonLog]).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const linesOf = (text: string): string[] => text.split('\n').slice(0, -1)
    const proxies: Proxy[] = [
      {
        port: nginx.port,
        lines: () => linesOf(nginx.read('access.tsv')),
        jsonLines: () => linesOf(nginx.read('access.json')),
        errors: () => linesOf(nginx.errorLog()),
      },
      {
        port: (server.address() as AddressInfo).port,
        lines: () => linesOf(written.join('')),
        jsonLines: () => linesOf(json.join('')),
        errors: () => linesOf(errors.join('')),
      },
    ]
    // The first request to it marks both of its peers.
    for (const { port } of proxies) await send(port, { name: 'mark', to: 'dead' })
    for (const proxy of proxies) while (proxy.lines().length < 1) await sleep(1)
    for (const each of CASES)
      results.set(each.name, [await play(proxies[0]!, each), await play(proxies[1]!, each)])
  }, 20_000)

  afterAll(async () => {
    await nginx.stop()
    server.closeAllConnections()
    server.close()
    await Promise.all([log, jsonLog].map((each) => each.close()))
    await Promise.all(balancers.map((each) => each.close()))
    await Promise.all(mocks.map((mock) => mock.close()))
  })

  it.each(CASES)('$name', ({ name, differs = {} }) => {
    const [theirs, ours] = results.get(name)!
    const except = Object.values(differs).flat()
    const compared = (logged: readonly Logged[] | undefined): readonly object[] =>
      logged!.map(({ fields, json }) => [comparable(fields, except), comparable(json, except)])
    expect(compared(ours)).toEqual(compared(theirs))
  })

  it.each(CASES.filter(({ errorsDiffer }) => errorsDiffer === undefined))(
    'the error log: $name',
    ({ name }) => {
      const [theirs, ours] = results.get(name)!
      expect(ours![0]!.errors).toEqual(theirs![0]!.errors)
    },
  )

  it('times, numbers and names have their shape, with as many entries as there are attempts', () => {
    for (const [name, both] of results)
      for (const logged of both) {
        for (const { fields } of logged) expect(misshapen(fields), name).toEqual([])
      }
  })

  it('bytes_sent is what the client has got', () => {
    for (const [name, both] of results) {
      const { leaves } = CASES.find((each) => each.name === name)!
      if (leaves !== undefined) continue
      for (const logged of both) {
        const sum = logged.reduce((bytes, { fields }) => bytes + Number(fields['bytes_sent']), 0)
        expect(sum, name).toBe(logged[0]!.received)
      }
    }
  })

  /** Plays the case, and waits for its lines. */
  async function play(proxy: Proxy, of: Case): Promise<readonly Logged[]> {
    const before = proxy.lines().length
    const jsonBefore = proxy.jsonLines().length
    const errorsBefore = proxy.errors().length
    const received = await send(proxy.port, of)
    const count = before + (of.times ?? 1)
    const isThere = (): boolean =>
      proxy.lines().length >= count &&
      (of.talk !== undefined || proxy.jsonLines().length >= jsonBefore + (of.times ?? 1))
    for (let i = 0; !isThere(); i++) {
      if (i > 5000) throw new Error(`no line for: ${of.name}`)
      await sleep(1)
    }
    const json = proxy.jsonLines().slice(jsonBefore)
    return proxy
      .lines()
      .slice(before)
      .map((line, i) => ({
        fields: fieldsOf(line),
        json: (of.talk === undefined ? JSON.parse(json[i]!) : {}) as Fields,
        received,
        errors: proxy.errors().slice(errorsBefore).flatMap(comparableError),
      }))
  }
})

/** A line as far as it can be the same; none for what has nothing to do with upstreams. */
function comparableError(line: string): readonly string[] {
  const match = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[(\w+)\] \d+#\d+: \*\d+ (.*)$/.exec(line)
  if (match === null) throw new Error(`not a line of an error log: ${line}`)
  const [, level, text = ''] = match
  if (/is buffered to a temporary file|client .* closed keepalive/.test(text)) return []
  // How nginx has learnt of it.
  return [`[${level}] ${text.replace('epoll_wait() reported that ', '')}`]
}

function nginxParts(
  [a, b]: readonly string[],
  [c, d]: readonly string[],
): Parameters<typeof startNginx>[0] {
  const location = (name: (typeof GROUPS)[number]): string => `location /${name} {
      proxy_pass http://${name};
      proxy_http_version 1.1;
      proxy_set_header Connection $upgraded;
      proxy_set_header Upgrade $http_upgrade;
      proxy_read_timeout ${readTimeoutOf(name)}ms;
      proxy_buffer_size 16k;
      proxy_buffers 8 16k;
      proxy_next_upstream error timeout invalid_header http_503;
    }`
  return {
    upstream: `
  log_format tabs '${FORMAT.replaceAll("'", "\\'")}';
  log_format objects escape=json '${JSON_FORMAT}';
  map $http_upgrade $upgraded { default upgrade; '' ''; }
  upstream both { server ${a} max_fails=0; server ${b} max_fails=0; }
  upstream impatient { server ${a} max_fails=0; server ${b} max_fails=0; }
  upstream one { server ${a} max_fails=0; }
  upstream refused { server ${c} max_fails=0; server ${d} max_fails=0; }
  upstream dead { server ${c}; server ${d}; }`,
    server: `access_log access.tsv tabs;
    access_log access.json objects;
    proxy_redirect off;
    ${GROUPS.map(location).join('\n    ')}`,
    location: 'return 404;',
  }
}

/** They have the first log, too: for upgrades, which do not go through middleware. No response gets two lines for it. */
function balancersOf(
  mocks: readonly MockUpstream[],
  gone: readonly string[],
  accessLog: AccessLog,
  errors: LogStream,
): Balancer[] {
  const live = mocks.map(({ url }) => url)
  const refusing = gone.map((address) => `http://${address}`)
  const peers = {
    both: live,
    impatient: live,
    one: live.slice(0, 1),
    refused: refusing,
    dead: refusing,
  }
  return GROUPS.map((name) =>
    createBalancer({
      preset: 'nginx',
      upstream: createUpstream({
        preset: 'nginx',
        name,
        peers: peers[name],
        maxFails: name === 'dead' ? 1 : 0,
        keepalive: { connections: 0 },
      }),
      nextUpstream: { on: ['error', 'timeout', 'invalid_header', 'http_503'] },
      readTimeout: readTimeoutOf(name),
      accessLog,
      errorLog: { stream: errors, level: 'info' },
      bufferSize: '16k',
    }),
  )
}

function serverOf(balancers: readonly Balancer[], logs: readonly AccessLog[]): Server {
  const balancerFor = (url = ''): Balancer =>
    balancers[GROUPS.findIndex((name) => url.includes(`/${name}`))]!
  const created = createServer((req, res) => {
    for (const each of logs) each(req, res)
    balancerFor(req.url)(req, res)
  })
  created.on('upgrade', (req, socket, head) => {
    balancerFor(req.url).upgrade(req, socket, head)
  })
  return created
}

/** Sends the case's bytes; resolves with how many came back, when there will be no more. */
async function send(port: number, of: Case): Promise<number> {
  const { times = 1, leaves, talk } = of
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.setEncoding('latin1')
  socket.on('error', () => undefined)
  socket.on('data', (text: string) => {
    received += text
    if (talk !== undefined && received.endsWith('\r\n\r\n')) socket.write(talk)
    if (leaves === 'answered' || (talk !== undefined && received.endsWith(talk))) socket.destroy()
  })
  const closed = once(socket, 'close')
  const before = asked
  if (of.pipelined === true)
    socket.write(bytesOf(of, 1).repeat(times - 1) + bytesOf(of, 0), 'latin1')
  else {
    for (let left = times - 1; left >= 0; left--) {
      const start = received.length
      socket.write(bytesOf(of, left), 'latin1')
      while (left > 0 && !received.slice(start).includes('hello')) await sleep(1)
    }
  }
  if (leaves === 'asked') {
    while (asked === before) await sleep(1)
    socket.destroy()
  }
  await closed
  return received.length
}

/** The last request of a connection says that it is. */
function bytesOf(of: Case, left: number): string {
  const { method = 'GET', path = '', to = 'both', version = '1.1', acts = ['ok'], body = '' } = of
  const target = path === '' || /^[/?]/.test(path) ? `/${to}${path}` : path
  const fields = of.fields ?? []
  const lines = [
    `${method} ${target} HTTP/${version}`,
    ...(of.fields === null ? [] : [`Host: ${of.host ?? 'example.com'}`]),
    `X-Acts: ${acts[0]},${acts[1] ?? 'ok'}`,
    ...fields,
  ]
  if (body !== '' && !fields.some((line) => line.startsWith('Transfer')))
    lines.push(`Content-Length: ${body.length}`)
  if (left === 0 && !fields.some((line) => line.startsWith('Connection')))
    lines.push('Connection: close')
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

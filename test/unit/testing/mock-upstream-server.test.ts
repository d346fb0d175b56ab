import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMockUpstream, fakeClock, hang, reset, respond } from 'evenkeel/testing'
import type { MockUpstream } from 'evenkeel/testing'
import { RawClient, codeOf, dial, http } from './raw-client.js'
import { CERT, KEY } from './tls-fixture.js'

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'

let mock: MockUpstream
beforeEach(async () => {
  mock = await createMockUpstream({ answer: respond({ body: 'ok' }) })
})
afterEach(() => mock.close())

/** A connection that has served once and rests. */
async function idleConnection(to = mock): Promise<RawClient> {
  const client = await dial(to)
  await client.send(GET).until('\r\n\r\nok')
  // The answer is on the wire a moment before the mock has done with it.
  await to.waitFor(() => to.requests.at(-1)?.state === 'answered')
  await new Promise((resolve) => setImmediate(resolve))
  return client
}

describe('kept-alive connections', () => {
  it('idleTimeout closes one that rests, unannounced, and no other', async () => {
    const clock = fakeClock()
    await using idle = await createMockUpstream({
      clock,
      idleTimeout: 100,
      answer: respond({ body: 'ok' }),
    })
    const unused = await dial(idle)
    const client = await idleConnection(idle)
    clock.advance(60)
    await client.send(GET).until(/ok[^]*ok/)
    await idleWatch(() => clock.nextDue === 160)
    clock.advance(99)
    expect(client.ended).toBe(undefined)
    clock.advance(1)
    expect(await client.end()).toBe('fin')
    expect(client.received).not.toMatch(/connection:/i)
    expect(unused.ended).toBe(undefined)
  })

  it('idleTimeout sets no timer for a connection that is gone', async () => {
    const clock = fakeClock()
    await using idle = await createMockUpstream({ clock, idleTimeout: 100 })
    idle.reply(hang())
    const client = (await dial(idle)).send(GET)
    await idle.waitFor(() => idle.requests.length === 1)
    client.socket.destroy()
    await idle.waitFor(() => idle.requests[0]!.state === 'abandoned')
    await new Promise((resolve) => setImmediate(resolve))
    expect(clock.pending).toBe(0)
  })

  it('requestsPerConnection closes after that many, unannounced', async () => {
    mock.behave({ requestsPerConnection: 2 })
    const client = await idleConnection()
    expect(client.ended).toBe(undefined)
    client.send(GET)
    expect(await client.end()).toBe('fin')
    expect(client.received.match(/ok/g)).toHaveLength(2)
    expect(client.received).not.toMatch(/connection:/i)
  })

  it('announceKeepAlive announces', async () => {
    mock.behave({ announceKeepAlive: 7 })
    const client = await idleConnection()
    expect(client.received).toContain('Connection: keep-alive\r\nKeep-Alive: timeout=7\r\n')
    const reply = await http(mock, { headers: { connection: 'close' } })
    expect(reply.headers['keep-alive']).toBe(undefined)
  })

  it('closeIdle closes those at rest and leaves the busy ones', async () => {
    const resting = await idleConnection()
    mock.reply(hang())
    const busy = (await dial(mock)).send(GET)
    const partial = (await dial(mock)).send('GET / HT')
    await mock.waitFor(() => mock.requests.length === 2 && mock.connections === 3)
    await new Promise((resolve) => setTimeout(resolve, 10))
    mock.closeIdle()
    expect(await resting.end()).toBe('fin')
    partial.send('TP/1.1\r\nHost: h\r\n\r\n')
    await mock.waitFor(() => mock.requests.length === 3)
    expect([busy.ended, partial.ended]).toEqual([undefined, undefined])
  })

  it('closeIdle can reset, or end one side only', async () => {
    const client = await idleConnection()
    mock.closeIdle('reset')
    expect(await client.end()).toBe('ECONNRESET')
    const half = await idleConnection()
    mock.closeIdle('half')
    expect(await half.end()).toBe('fin')
    half.send(GET)
    await mock.waitFor(() => mock.requests.length === 3)
    await mock.waitFor(() => mock.requests[2]!.state === 'abandoned')
  })

  it('closed by a FIN, answer what comes too late with a RST', async () => {
    const client = await idleConnection()
    mock.closeIdle()
    await client.end()
    await mock.waitFor(() => mock.openConnections === 0)
    // The first write is answered with the RST, the next one meets it.
    while (client.error === undefined) {
      client.send(GET)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(['ECONNRESET', 'EPIPE']).toContain(client.error)
  })

  it('halfClose ends our side after each answer, and still reads', async () => {
    mock.behave({ halfClose: true })
    const client = await dial(mock)
    client.send(GET)
    expect(await client.end()).toBe('fin')
    expect(client.received).toMatch(/\r\n\r\nok$/)
    expect(client.received).not.toMatch(/connection:/i)
    expect(mock.openConnections).toBe(1)
    client.send(GET)
    await mock.waitFor(() => mock.requests.length === 2)
  })

  it('give Node’s agent a stale connection', async () => {
    const agent = new Agent({ keepAlive: true })
    await http(mock, { agent })
    mock.script([reset()])
    const outgoing = httpRequest({ port: mock.port, host: '127.0.0.1', agent }).end()
    const [error] = (await once(outgoing, 'error')) as [NodeJS.ErrnoException]
    expect([error.code, outgoing.reusedSocket]).toEqual(['ECONNRESET', true])
    agent.destroy()
  })
})

async function idleWatch(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

describe('new connections', () => {
  it('failNextConnections fails that many', async () => {
    mock.failNextConnections(2)
    const first = await dial(mock)
    expect(await first.end()).toBe('ECONNRESET')
    const second = await dial(mock)
    expect(await second.end()).toBe('ECONNRESET')
    expect((await http(mock)).status).toBe(200)
    mock.failNextConnections(1, 'fin')
    expect(await (await dial(mock)).end()).toBe('fin')
    expect(mock.connections).toBe(4)
  })

  it('acceptAndHang takes the new ones and never reads them', async () => {
    const old = await idleConnection()
    mock.behave({ acceptAndHang: true })
    const client = (await dial(mock)).send(GET)
    await mock.waitFor(() => mock.connections === 2)
    await old.send(GET).until(/ok[^]*ok/)
    expect([client.received, client.ended, mock.requests.length]).toEqual(['', undefined, 2])
    mock.behave({ acceptAndHang: false })
    expect((await http(mock)).status).toBe(200)
    expect(client.received).toBe('')
  })
})

describe('pause', () => {
  it('is a hung process, until resume', async () => {
    const old = await idleConnection()
    mock.pause()
    old.send(GET)
    const fresh = (await dial(mock)).send(GET)
    await mock.waitFor(() => mock.connections === 2)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(mock.requests.length).toBe(1)
    expect([fresh.received, fresh.ended]).toEqual(['', undefined])
    mock.resume()
    await fresh.until('\r\n\r\nok')
    await old.until(/ok[^]*ok/)
    expect(mock.requests.at(-1)?.connectionId).toBeGreaterThan(0)
  })

  it('holds an answer that was on its way, and the idle timeout', async () => {
    const clock = fakeClock()
    await using hung = await createMockUpstream({ clock, idleTimeout: 50 })
    const resting = await dial(hung)
    await resting.send(GET).until('\r\n\r\n')
    await idleWatch(() => clock.pending === 1)
    hung.reply(respond({ delay: 10, body: 'late' }))
    const waiting = (await dial(hung)).send(GET)
    await idleWatch(() => clock.pending === 2)
    hung.pause()
    await clock.advanceAsync(60)
    expect([waiting.received, resting.ended]).toEqual(['', undefined])
    hung.resume()
    await waiting.until('late')
    expect(await resting.end()).toBe('fin')
  })

  it('does not outlive a crash', async () => {
    mock.pause()
    const client = await dial(mock)
    await mock.crash()
    expect(await client.end()).toBe('ECONNRESET')
    await mock.start()
    expect((await http(mock)).status).toBe(200)
  })
})

describe('stopping and starting', () => {
  it('crash resets everything, refuses, and start comes back on the port', async () => {
    const resting = await idleConnection()
    mock.reply(hang())
    const busy = (await dial(mock)).send(GET)
    await mock.waitFor(() => mock.requests.length === 2)
    const { port, url } = mock
    await mock.crash()
    expect([await resting.end(), await busy.end()]).toEqual(['ECONNRESET', 'ECONNRESET'])
    expect([mock.listening, mock.openConnections]).toEqual([false, 0])
    expect(await codeOf(http(mock))).toBe('ECONNREFUSED')
    mock.reply(respond({ body: 'again' }))
    await mock.start()
    await mock.start()
    expect([mock.port, mock.url, mock.listening]).toEqual([port, url, true])
    expect((await http(mock)).body).toBe('again')
  })

  it('stop closes what rests, and lets answers finish', async () => {
    const resting = await idleConnection()
    let answer: () => void = () => undefined
    mock.reply(
      () => new Promise((resolve) => (answer = () => resolve(respond({ body: 'last words' })))),
    )
    const busy = (await dial(mock)).send(GET)
    await mock.waitFor(() => mock.requests.length === 2)
    await mock.stop()
    expect(await resting.end()).toBe('fin')
    expect(await codeOf(http(mock))).toBe('ECONNREFUSED')
    expect(busy.ended).toBe(undefined)
    answer()
    expect(await busy.end()).toBe('fin')
    expect(busy.received).toContain('last words')
    mock.reply(respond())
    await mock.start()
    const client = await dial(mock)
    await client.send(GET).until('200 OK')
    await client.send(GET).until(/200 OK[^]*200 OK/)
  })

  it('takes a given port, and says when it is taken', async () => {
    const { port } = mock
    expect(await codeOf(createMockUpstream({ port }))).toBe('EADDRINUSE')
    await mock.close()
    await using second = await createMockUpstream({ port })
    expect([second.port, second.address]).toEqual([port, `127.0.0.1:${port}`])
  })

  it('close drops everything at once, may be repeated, and is final', async () => {
    mock.reply(hang({ after: 'head' }))
    const client = (await dial(mock)).send(
      'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n',
    )
    await mock.waitFor(() => mock.requests.length === 1)
    await mock.close()
    await mock.close()
    await client.end()
    expect(mock.openConnections).toBe(0)
    await expect(mock.start()).rejects.toThrow('has been closed')
  })

  it('is closed by await using', async () => {
    let outer: MockUpstream
    {
      await using inner = await createMockUpstream()
      outer = inner
    }
    expect([outer.listening, await codeOf(http(outer))]).toEqual([false, 'ECONNREFUSED'])
  })
})

describe('other sockets', () => {
  it('a unix socket', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'evenkeel-'))
    const socketPath = join(directory, 's')
    const answer = respond({ body: 'unix' })
    await using unix = await createMockUpstream({ socketPath, answer })
    expect([unix.url, unix.address, unix.port]).toEqual([
      `unix:${socketPath}`,
      `unix:${socketPath}`,
      0,
    ])
    expect((await http(unix, { socketPath })).body).toBe('unix')
    unix.reply(reset())
    expect(await codeOf(http(unix, { socketPath }))).toBe('ECONNRESET')
    await unix.stop()
    await unix.start()
    unix.reply(answer)
    expect((await http(unix, { socketPath })).body).toBe('unix')
    await unix.close()
    await rm(directory, { recursive: true })
  })

  it('an IPv6 address', async () => {
    await using six = await createMockUpstream({ host: '::1' })
    expect(six.url).toBe(`http://[::1]:${six.port}`)
    expect((await http(six, { host: '::1' })).status).toBe(200)
  })
})

describe('TLS', () => {
  let tls: MockUpstream
  beforeEach(async () => {
    tls = await createMockUpstream({
      tls: { key: KEY, cert: CERT },
      answer: respond({ body: 'ok' }),
    })
  })
  afterEach(() => tls.close())

  async function dialTls(): Promise<RawClient> {
    const socket = tlsConnect({ port: tls.port, host: '127.0.0.1', ca: CERT })
    const client = new RawClient(socket)
    await once(socket, 'secureConnect')
    return client
  }

  it('serves', async () => {
    expect(tls.url).toBe(`https://127.0.0.1:${tls.port}`)
    const outgoing = httpsRequest({
      host: '127.0.0.1',
      port: tls.port,
      ca: CERT,
      agent: false,
    }).end()
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    expect(response.statusCode).toBe(200)
    response.resume()
    await once(response, 'end')
    const client = await dialTls()
    await client.send(GET).until('ok')
    await client.send(GET).until(/ok[^]*ok/)
  })

  it('resets, closes and crashes like TCP', async () => {
    tls.script([reset()])
    const rst = await dialTls()
    expect(await rst.send(GET).end()).toBe('ECONNRESET')
    const fin = await dialTls()
    await fin.send(GET).until('ok')
    await tls.waitFor(() => tls.requests.at(-1)?.state === 'answered')
    await new Promise((resolve) => setImmediate(resolve))
    tls.closeIdle()
    expect(await fin.end()).toBe('fin')
    const crashed = await dialTls()
    await crashed.send(GET).until('ok')
    await tls.crash()
    expect(await crashed.end()).toBe('ECONNRESET')
    expect(tls.openConnections).toBe(0)
  })

  it('does not even shake hands while paused or with acceptAndHang', async () => {
    tls.pause()
    let secure = false
    const socket = tlsConnect(
      { port: tls.port, host: '127.0.0.1', ca: CERT },
      () => (secure = true),
    )
    await once(socket, 'connect')
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(secure).toBe(false)
    tls.resume()
    await once(socket, 'secureConnect')
    socket.destroy()
  })

  it('survives a client that does not speak it', async () => {
    const client = await dial(tls)
    client.send(GET)
    await client.end()
    await tls.waitFor(() => tls.openConnections === 0)
    await (await dialTls()).send(GET).until('ok')
  })
})

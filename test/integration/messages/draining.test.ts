/** close(): what is under way is finished, and nobody is asked to come again. */
import { once } from 'node:events'
import { Agent, createServer } from 'node:http'
import { connect } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createBalancer } from 'evenkeel'
import { fakeClock, respond } from 'evenkeel/testing'
import type { Answer } from 'evenkeel/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import { ask, keepAliveAgent } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'

watchProcess()

/** Answers when it is told to. */
function gate(): { answer: Answer; open: () => void; asked: Promise<void> } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  let ask = (): void => undefined
  const asked = new Promise<void>((resolve) => (ask = resolve))
  const body = respond({ body: 'late' })
  const answer: Answer = {
    startsAt: 'request',
    async play(exchange) {
      ask()
      await opened
      await body.play(exchange)
    },
  }
  return { answer, open, asked }
}

describe('close()', () => {
  it('finishes what runs, says so to its client, and resolves then', async () => {
    const mock = await upstream()
    const late = gate()
    mock.route('/late', late.answer)
    const { port, balancer } = await serve([mock])
    const running = ask(port, { path: '/late', agent: keepAliveAgent() })
    await late.asked
    let closed = false
    const closing = balancer.close().then(() => (closed = true))
    await turns()
    expect(closed).toBe(false)
    late.open()
    const reply = await running
    expect(reply).toMatchObject({ status: 200, body: 'late', whole: true })
    expect(reply.headers.connection).toBe('close')
    await closing
  })

  it('serves a request that comes meanwhile on a kept-alive connection, as its last', async () => {
    const mock = await upstream()
    const late = gate()
    mock.route('/late', late.answer)
    const { port, balancer } = await serve([mock])
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    expect((await ask(port, { agent })).headers.connection).toBe('keep-alive')
    const running = ask(port, { path: '/late' })
    await late.asked
    const closing = balancer.close()
    const straggler = await ask(port, { agent })
    expect(straggler).toMatchObject({ status: 200, headers: { connection: 'close' } })
    late.open()
    await Promise.all([running, closing])
    expect(await ask(port)).toMatchObject({ status: 503, headers: { connection: 'close' } })
  })

  it('says it in answers of our own, too', async () => {
    const mock = await upstream()
    const late = gate()
    mock.route('/late', late.answer)
    mock.route('/bad', respond({ status: 99 }))
    const { port, balancer } = await serve([mock])
    const running = ask(port, { path: '/late' })
    await late.asked
    const closing = balancer.close()
    const agent = keepAliveAgent()
    const reply = await ask(port, { path: '/bad', agent })
    expect(reply).toMatchObject({ status: 502, headers: { connection: 'close' } })
    late.open()
    await Promise.all([running, closing])
  })

  it('sends GOAWAY to HTTP/2 clients and finishes their streams', async () => {
    const mock = await upstream()
    const late = gate()
    mock.route('/late', late.answer)
    const { port, balancer } = await serve([mock], {}, { kind: 'http2' })
    const session = connect(`https://localhost:${port}`, { ca: forLocalhost.cert })
    onTestFinished(() => session.destroy())
    const goaway = once(session, 'goaway')
    const stream = session.request({ ':path': '/late' })
    let body = ''
    stream.on('data', (chunk: Buffer) => (body += chunk.toString()))
    const ended = once(stream, 'close')
    await late.asked
    const closing = balancer.close()
    await goaway
    late.open()
    await ended
    expect(body).toBe('late')
    expect(stream.rstCode).toBe(0)
    await closing
  })

  it('sends GOAWAY to idle HTTP/2 clients', async () => {
    const mock = await upstream()
    const { port, balancer } = await serve([mock], {}, { kind: 'http2' })
    const session = connect(`https://localhost:${port}`, { ca: forLocalhost.cert })
    onTestFinished(() => session.destroy())
    const stream = session.request({ ':path': '/' })
    stream.resume()
    await once(stream, 'close')
    const closed = once(session, 'close')
    await balancer.close()
    await closed
  })

  it('with a timeout gives up what is left', async () => {
    const mock = await upstream()
    const late = gate()
    mock.route('/late', late.answer)
    const { port, balancer } = await serve([mock])
    const running = ask(port, { path: '/late' })
    await late.asked
    await balancer.close({ timeout: 1 })
    expect(await running).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    late.open()
  })

  it('serves what a closed server has accepted, though it was silent until then', async () => {
    const mock = await upstream()
    const balancer = createBalancer({ upstream: [mock.url] })
    const server = createServer(balancer).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await ask(port)
    const client = connectTcp(port, '127.0.0.1')
    await once(server, 'connection')
    server.close()
    const closing = balancer.close()
    let bytes = ''
    client.on('data', (chunk: Buffer) => (bytes += chunk.toString()))
    const gone = once(client, 'close')
    await turns(20)
    // Newer Nodes close what has not spoken yet by themselves.
    if (client.destroyed) {
      await closing
      return
    }
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await gone
    expect(bytes).toMatch(/^HTTP\/1\.1 200 [^]*\r\nConnection: close\r\n/i)
    await closing
  })

  it('waits for no server that still listens, or that is closed already', async () => {
    const mock = await upstream()
    const balancer = createBalancer({ upstream: [mock.url] })
    const servers = [createServer(balancer), createServer(balancer)]
    onTestFinished(() => void servers[0]!.close())
    for (const server of servers) {
      await once(server.listen(0, '127.0.0.1'), 'listening')
      await ask((server.address() as AddressInfo).port)
    }
    servers[1]!.close()
    await once(servers[1]!, 'close')
    await balancer.close()
  })

  it('waits a second at most for those who never say anything', async () => {
    const mock = await upstream()
    const clock = fakeClock()
    const balancer = createBalancer({ upstream: [mock.url], clock })
    const server = createServer(balancer).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await ask(port)
    const client = connectTcp(port, '127.0.0.1')
    onTestFinished(() => void client.destroy())
    await once(server, 'connection')
    server.close()
    let closed = false
    client.resume()
    const closing = balancer.close().then(() => (closed = true))
    await turns(20)
    await clock.advanceAsync(999)
    await turns()
    // Newer Nodes close what has not spoken yet by themselves.
    expect(closed).toBe(client.destroyed)
    await clock.advanceAsync(1)
    await closing
  })
})

/** 1xx on their way from the peer to the client. */
import { request } from 'node:http'
import { respond } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { ask, http2Session, rawAsk } from '../../helpers/clients.js'
import { serve, upstream, upstreams } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

const LINK = '</style.css>; rel=preload; as=style'
const HINT = { status: 103, headers: { Link: LINK, 'X-Odd': 'a;b="c"', 'Keep-Alive': 'timeout=9' } }

interface Interim {
  status: number
  raw: readonly string[]
}

function askWithInterim(port: number): Promise<{ interim: Interim[]; status: number }> {
  return new Promise((resolve, reject) => {
    const interim: Interim[] = []
    const outgoing = request({ port, host: '127.0.0.1', agent: false })
    outgoing.on('information', ({ statusCode, rawHeaders }) => {
      interim.push({ status: statusCode, raw: rawHeaders })
    })
    outgoing.on('response', (response) => {
      response.resume()
      response.on('end', () => resolve({ interim, status: response.statusCode ?? 0 }))
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

describe('an interim response', () => {
  it('reaches the client before the final one, end-to-end fields only', async () => {
    const mock = await upstream()
    mock.reply(respond({ informational: [HINT, { status: 102 }], body: 'ok' }))
    const { port } = await serve([mock])
    expect(await askWithInterim(port)).toEqual({
      interim: [
        { status: 103, raw: ['Link', LINK, 'X-Odd', 'a;b="c"'] },
        { status: 102, raw: [] },
      ],
      status: 200,
    })
  })

  it('is sent byte for byte, and ahead of the head', async () => {
    const mock = await upstream()
    mock.reply(respond({ informational: [HINT], body: 'ok' }))
    const { port } = await serve([mock])
    const reply = await rawAsk(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    const [hint, head] = reply.bytes.split('\r\n\r\n')
    expect(hint).toBe(`HTTP/1.1 103 Early Hints\r\nLink: ${LINK}\r\nX-Odd: a;b="c"`)
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  })

  it('is kept from an HTTP/1.0 client', async () => {
    const mock = await upstream()
    mock.reply(respond({ informational: [HINT], body: 'ok' }))
    const { port } = await serve([mock])
    const reply = await rawAsk(port, 'GET / HTTP/1.0\r\n\r\n')
    expect(reply.bytes).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  })

  it('reaches an HTTP/2 client', async () => {
    const mock = await upstream()
    mock.reply(respond({ informational: [HINT], body: 'ok' }))
    const { port } = await serve([mock], {}, { kind: 'http2' })
    const stream = http2Session(port).request({ ':path': '/' })
    const seen: unknown[] = []
    stream.on('headers', (fields) => seen.push([fields[':status'], fields['link']]))
    stream.on('response', (fields) => seen.push(fields[':status']))
    stream.resume()
    await new Promise((resolve) => stream.on('close', resolve))
    expect(seen).toEqual([[103, LINK], 200])
  })

  it('of a peer that then dies does no harm: the next one answers', async () => {
    const [one, two] = await upstreams(2)
    one!.reply({
      startsAt: 'request',
      async play(exchange) {
        await exchange.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
        await exchange.beRead()
        exchange.close('reset')
      },
    })
    two!.reply(respond({ informational: [HINT], body: 'two' }))
    const { port } = await serve([one!, two!])
    const { interim, status } = await askWithInterim(port)
    expect(status).toBe(200)
    expect(interim.map((each) => each.raw[1])).toEqual(['</a>', LINK])
  })

  it('comes no more than 64 times: a flood is no HTTP', async () => {
    const mock = await upstream()
    mock.reply(respond({ informational: Array.from({ length: 65 }, () => ({ status: 102 })) }))
    const { port, errors } = await serve([mock])
    const reply = await ask(port)
    expect(reply.status).toBe(502)
    expect(errors[0]?.code).toBe('ERR_UPSTREAM_INVALID_HEADER')
  })

  it('that answers a pipelined request comes when it is its turn', async () => {
    const mock = await upstream()
    mock.route('/slow', respond({ delay: 50, body: 'slow' }))
    mock.route('/hinted', respond({ informational: [HINT], body: 'hinted' }))
    const { port } = await serve([mock])
    const head = (path: string, more = ''): string =>
      `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
    const bytes = head('/slow') + head('/hinted', 'Connection: close\r\n')
    const reply = await rawAsk(port, bytes)
    expect(reply.bytes.match(/HTTP\/1\.1 \d+/g)).toEqual([
      'HTTP/1.1 200',
      'HTTP/1.1 103',
      'HTTP/1.1 200',
    ])
    expect(reply.bytes).toMatch(/slowHTTP[^]*hinted$/)
  })
})

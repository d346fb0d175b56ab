import { once } from 'node:events'
import { Duplex, PassThrough, Transform } from 'node:stream'
import { createGunzip, gzipSync } from 'node:zlib'
import { describe, expect, it, test } from 'vitest'
import { HeaderList } from '../../../src/message/header-list.js'
import { transformedResponse } from '../../../src/message/transformed-response.js'
import type { UpstreamResponseHead } from '../../../src/message-options.js'
import type {
  BodySink,
  UpstreamFailure,
  UpstreamResponse,
} from '../../../src/next-upstream/attempt-result.js'

/** A peer whose body is sent by hand. */
class Peer implements UpstreamResponse {
  readonly status = 200
  readonly statusMessage = 'OK'
  readonly rawHeaders = ['A', 'b']
  readonly whole?: Buffer
  sink: BodySink | undefined
  resumed = 0
  discarded = 0
  constructor(whole?: string) {
    if (whole !== undefined) this.whole = Buffer.from(whole)
  }
  start(sink: BodySink): void {
    this.sink = sink
    if (this.whole === undefined) return
    sink.data(this.whole)
    sink.end([])
  }
  resume(): void {
    this.resumed++
  }
  discard(): void {
    this.discarded++
  }
}

class Sink implements BodySink {
  readonly chunks: Buffer[] = []
  room = true
  trailers: readonly string[] | undefined
  failures: UpstreamFailure[] = []
  #over: (() => void) | undefined
  readonly over = new Promise<void>((resolve) => (this.#over = resolve))
  data(chunk: Buffer): boolean {
    expect(this.trailers ?? this.failures[0]).toBeUndefined()
    expect(Buffer.isBuffer(chunk)).toBe(true)
    this.chunks.push(chunk)
    return this.room
  }
  end(rawTrailers: readonly string[]): void {
    expect(this.trailers ?? this.failures[0]).toBeUndefined()
    this.trailers = rawTrailers
    this.#over?.()
  }
  fail(failure: UpstreamFailure): void {
    expect(this.trailers ?? this.failures[0]).toBeUndefined()
    this.failures.push(failure)
    this.#over?.()
  }
  get text(): string {
    return Buffer.concat(this.chunks).toString()
  }
}

const FAILURE: UpstreamFailure = {
  condition: 'error',
  phase: 'body',
  type: 'http_response_incomplete',
  requestSent: true,
  reusedConnection: false,
  responseStarted: true,
  cause: new Error("the peer's"),
}

function headOf(body: UpstreamResponseHead['body']): UpstreamResponseHead {
  return { status: 201, statusMessage: 'Made', headers: new HeaderList(['X', 'y']), body }
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}

function upperCase(): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, chunk.toString().toUpperCase())
    },
  })
}

function piped(duplex: Duplex, peer = new Peer()) {
  const response = transformedResponse(peer, headOf(duplex))
  const sink = new Sink()
  return { peer, response, sink }
}

describe('another head', () => {
  test.each([undefined, null, 'x', new PassThrough()])('whatever the body, case %#', (body) => {
    const { status, statusMessage, rawHeaders } = transformedResponse(new Peer(), headOf(body))
    expect({ status, statusMessage, rawHeaders }).toEqual({
      status: 201,
      statusMessage: 'Made',
      rawHeaders: ['X', 'y'],
    })
  })

  it("leaves the peer's body as it is", () => {
    const peer = new Peer()
    const response = transformedResponse(peer, headOf(undefined))
    expect('whole' in response).toBe(false)
    const sink = new Sink()
    response.start(sink)
    expect(peer.sink).toBe(sink)
    response.resume()
    response.discard()
    expect(peer).toMatchObject({ resumed: 1, discarded: 1 })
  })

  it('leaves a whole one whole', () => {
    const peer = new Peer('all')
    const response = transformedResponse(peer, headOf(undefined))
    expect(response.whole).toBe(peer.whole)
    const sink = new Sink()
    response.start(sink)
    expect([sink.text, sink.trailers]).toEqual(['all', []])
  })
})

describe('another body', () => {
  test.each([
    ['äö', 'äö'],
    ['', ''],
    [null, ''],
    [new Uint8Array([97, 98]), 'ab'],
  ])('%j', (body, text) => {
    for (const peer of [new Peer(), new Peer('its own')]) {
      const response = transformedResponse(peer, headOf(body))
      expect(response.whole?.toString()).toBe(text)
      expect(peer).toMatchObject({ discarded: 1, sink: peer.whole && undefined })
      const sink = new Sink()
      response.start(sink)
      expect([sink.text, sink.trailers]).toEqual([text, []])
    }
  })
})

describe('a stream', () => {
  it('has the body piped through, and trailers follow', async () => {
    const { peer, response, sink } = piped(upperCase())
    expect(response.whole).toBeUndefined()
    response.start(sink)
    peer.sink?.data(Buffer.from('one '))
    peer.sink?.data(Buffer.from('two'))
    peer.sink?.end(['X-Sum', '1'])
    await sink.over
    expect([sink.text, sink.trailers]).toEqual(['ONE TWO', ['X-Sum', '1']])
    expect(peer.discarded).toBe(0)
  })

  it('takes a body that is whole already, and an empty one', async () => {
    const whole = piped(upperCase(), new Peer('all of it'))
    whole.response.start(whole.sink)
    await whole.sink.over
    expect(whole.sink.text).toBe('ALL OF IT')
    const empty = piped(upperCase(), new Peer(''))
    empty.response.start(empty.sink)
    await empty.sink.over
    expect(empty.sink.trailers).toEqual([])
  })

  it('may bring texts', async () => {
    const duplex = new PassThrough({ encoding: 'utf8' })
    const { response, sink } = piped(duplex, new Peer('äö'))
    response.start(sink)
    await sink.over
    expect(sink.text).toBe('äö')
  })

  it('makes the peer wait while it is full, and waits for the client', async () => {
    const duplex = new PassThrough({ highWaterMark: 10 })
    const { peer, response, sink } = piped(duplex)
    sink.room = false
    response.start(sink)
    expect(peer.sink?.data(Buffer.alloc(4))).toBe(true)
    await turns()
    expect(sink.chunks).toHaveLength(1)
    // The client is slow: what the stream does not hold, the peer has to keep.
    expect(peer.sink?.data(Buffer.alloc(8))).toBe(true)
    expect(peer.sink?.data(Buffer.alloc(30))).toBe(false)
    await turns()
    expect(sink.chunks).toHaveLength(1)
    expect(peer.resumed).toBe(0)
    sink.room = true
    response.resume()
    await turns()
    expect(peer.resumed).toBe(1)
    peer.sink?.end([])
    await sink.over
    expect(Buffer.concat(sink.chunks)).toHaveLength(42)
  })

  it('that breaks is a failure of ours, and the peer is let go', async () => {
    const { peer, response, sink } = piped(createGunzip())
    response.start(sink)
    peer.sink?.data(Buffer.from('this is not gzip'))
    await sink.over
    expect(sink.failures).toMatchObject([
      { condition: 'error', phase: 'body', type: 'proxy_internal_error', responseStarted: true },
    ])
    expect(sink.failures[0]?.cause?.message).toBe('incorrect header check')
    expect(peer.discarded).toBe(1)
    // What the peer still has to say is of no interest.
    expect(peer.sink?.data(Buffer.from('more'))).toBe(true)
    peer.sink?.end([])
    await turns()
  })

  it('is destroyed where the peer fails, and ends nothing', async () => {
    const duplex = createGunzip()
    const { peer, response, sink } = piped(duplex)
    response.start(sink)
    peer.sink?.data(gzipSync('x'.repeat(1000)).subarray(0, 15))
    peer.sink?.fail(FAILURE)
    await sink.over
    await turns()
    expect(sink.failures).toEqual([FAILURE])
    expect(duplex.destroyed).toBe(true)
  })

  it('that would end cleanly on half a body does not, where the peer fails', async () => {
    const duplex = new PassThrough()
    const { peer, response, sink } = piped(duplex)
    response.start(sink)
    peer.sink?.data(Buffer.from('half'))
    await turns()
    peer.sink?.fail(FAILURE)
    await turns()
    expect([sink.text, sink.trailers, sink.failures]).toEqual(['half', undefined, [FAILURE]])
  })

  it('that was broken before is a failure when it is wanted', async () => {
    const duplex = new PassThrough()
    const { peer, response, sink } = piped(duplex)
    duplex.destroy(new Error('early'))
    await turns()
    response.start(sink)
    expect(sink.failures.map(({ cause }) => cause?.message)).toEqual(['early'])
    expect(peer.discarded).toBe(1)
  })

  it('that was destroyed before is a failure, too', async () => {
    const duplex = new PassThrough().destroy()
    await turns()
    const { response, sink } = piped(duplex)
    response.start(sink)
    expect(sink.failures[0]?.cause?.message).toContain('destroyed before it was used')
  })

  it('that is closed before its end is a failure', async () => {
    const duplex = new PassThrough()
    const { peer, response, sink } = piped(duplex)
    response.start(sink)
    peer.sink?.data(Buffer.from('a'))
    duplex.destroy()
    await sink.over
    expect(sink.failures[0]?.cause?.message).toContain('closed before its end')
  })

  it('that brings objects is a failure', async () => {
    const duplex = new PassThrough({ objectMode: true })
    const { peer, response, sink } = piped(duplex)
    response.start(sink)
    duplex.push({ a: 1 })
    await sink.over
    expect(sink.failures[0]?.cause?.message).toContain('a stream must bring texts or bytes')
    expect(peer.discarded).toBe(1)
    expect(duplex.destroyed).toBe(true)
  })

  it('may end by itself, when it has seen enough', async () => {
    const duplex = new Duplex({
      read() {
        // Pushes when it is written to.
      },
      write(chunk: Buffer, _encoding, done) {
        this.push(chunk.subarray(0, 3))
        this.push(null)
        done()
      },
    })
    const { peer, response, sink } = piped(duplex)
    response.start(sink)
    peer.sink?.data(Buffer.from('abcdef'))
    await sink.over
    expect([sink.text, sink.trailers]).toEqual(['abc', []])
    expect(peer.discarded).toBe(1)
    expect(peer.sink?.data(Buffer.from('more'))).toBe(true)
    peer.sink?.fail(FAILURE)
    await turns()
  })

  it('is destroyed when the response is not wanted any more', async () => {
    const duplex = new PassThrough()
    const { peer, response, sink } = piped(duplex)
    response.start(sink)
    peer.sink?.data(Buffer.from('a'))
    const closed = once(duplex, 'close')
    response.discard()
    await closed
    expect(peer.discarded).toBe(1)
    response.resume()
    peer.sink?.end([])
    await turns()
    expect([sink.trailers, sink.failures]).toEqual([undefined, []])
  })

  it('is destroyed, too, when it was never started', () => {
    const duplex = new PassThrough()
    const { peer, response } = piped(duplex)
    response.discard()
    expect([duplex.destroyed, peer.discarded]).toEqual([true, 1])
  })
})

import { Duplex } from 'node:stream'
import { fakeClock } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { bufferedResponse } from '../../../src/message/buffered-response.js'
import { limitRate } from '../../../src/message/limit-rate.js'
import { bytes, Client, Peer, TRUNCATED, watchDisk } from './spool-rig.js'

function limited(rate = 1000, peer = new Peer()) {
  const clock = fakeClock(5_000_123)
  const client = new Client()
  const response = limitRate(peer, { rate, clock })
  /** What the client has had after each of so many steps. */
  const course = (ms: number, steps: number): number[] =>
    Array.from({ length: steps }, () => {
      clock.advance(ms)
      return client.taken
    })
  return { clock, client, peer, response, course }
}

function started(rate?: number) {
  const all = limited(rate)
  all.response.start(all.client)
  return all
}

describe('limitRate', () => {
  it('costs nothing with 0, and leaves a tunnel alone', () => {
    const { peer, response } = limited(0)
    expect(response).toBe(peer)
    const tunnel = Object.assign(new Peer(), { tunnel: new Duplex() })
    expect(limited(10, tunnel).response).toBe(tunnel)
  })

  it('keeps the head', () => {
    expect(limited().response).toMatchObject({
      status: 206,
      statusMessage: 'Some',
      rawHeaders: ['X-A', '1'],
    })
  })

  it('sends a second’s worth at once, and then as much each second', () => {
    const { peer, client, course, clock } = started()
    expect(peer.send(4500)).toBe(false)
    expect(client.taken).toBe(1000)
    expect(course(999, 1)).toEqual([1000])
    expect(course(1, 1)).toEqual([2000])
    expect(course(1000, 4)).toEqual([3000, 4000, 4500, 4500])
    client.expectBytes(4500)
    expect(client.chunks.map(({ length }) => length)).toEqual([1000, 1000, 1000, 1000, 500])
    expect(peer.resumed).toBe(1)
    peer.end(['X-T', '1'])
    expect(client.ended).toEqual(['X-T', '1'])
    expect(clock.pending).toBe(0)
  })

  it('waits after each piece as long as it takes at that rate', () => {
    const { peer, client, clock } = started()
    const times: number[] = []
    for (let i = 0; i < 12; i++) {
      expect(peer.send(125)).toBe(false)
      times.push(clock.now() - 5_000_123)
      clock.advance(clock.nextDue! - clock.now())
      expect(peer.open).toBe(true)
    }
    expect(times).toEqual(Array.from({ length: 12 }, (_, i) => i * 125))
    client.expectBytes(1500)
  })

  it('pieces too short for a pause of their own wait for the next second when this one’s worth is out', () => {
    const { peer, client, clock, course } = started(100_000)
    clock.advance(300)
    let sent = 0
    while (peer.send(99)) sent += 99
    expect(sent).toBe(1010 * 99)
    // 10 of the last 99 were allowed.
    expect(client.taken).toBe(100_000)
    expect(clock.pending).toBe(1)
    expect(clock.nextDue! - clock.now()).toBe(700)
    expect(course(699, 1)).toEqual([100_000])
    expect(course(1, 1)).toEqual([100_089])
    expect(peer.open).toBe(true)
    expect(clock.pending).toBe(0)
  })

  it('what a pause of the peer has left over may be sent: so many bytes for so many seconds', () => {
    const { peer, client, clock } = started()
    peer.send(10)
    clock.advance(3500)
    peer.send(9000)
    // nginx: rate × (3 + 1) − sent.
    expect(client.taken).toBe(4000)
    expect(clock.nextDue! - clock.now()).toBe(3990)
  })

  it('waits for a slow client, too', () => {
    const { peer, client, response, clock, course } = started()
    client.room = 1
    peer.send(1500)
    expect(client.taken).toBe(1000)
    expect(course(5000, 1)).toEqual([1000])
    expect(peer.open).toBe(false)
    expect(clock.pending).toBe(0)
    client.room = Infinity
    response.resume()
    expect(client.taken).toBe(1500)
    expect(course(500, 1)).toEqual([1500])
    expect(peer.open).toBe(true)
  })

  it('a client that resumes while it has to wait gets nothing before its time', () => {
    const { peer, client, response, course } = started()
    client.room = 1
    peer.send(1500)
    client.room = Infinity
    response.resume()
    expect(client.taken).toBe(1000)
    expect(peer.open).toBe(false)
    expect(course(1000, 1)).toEqual([1500])
    expect(peer.resumed).toBe(0)
    expect(course(500, 1)).toEqual([1500])
    expect(peer.resumed).toBe(1)
  })

  it('a client that resumes from within', () => {
    const { peer, client, response, course } = started()
    client.room = 1
    client.onData = () => response.resume()
    peer.send(2500)
    expect(course(1000, 3)).toEqual([2000, 2500, 2500])
    expect(peer.open).toBe(true)
    client.expectBytes(2500)
  })

  it('takes a response that hands everything over at once', () => {
    const { peer, client, course, clock } = started()
    for (let i = 0; i < 5; i++) peer.send(500)
    peer.end()
    expect(client).toMatchObject({ taken: 500, over: false })
    expect(course(500, 4)).toEqual([1000, 1500, 2000, 2500])
    client.expectBytes(2500)
    expect(client.ended).toEqual([])
    expect(clock.pending).toBe(0)
  })

  it('delivers what it has before it tells of a failure', () => {
    const { peer, client, course, clock } = started()
    peer.send(1500)
    peer.fail(TRUNCATED)
    expect(client.over).toBe(false)
    expect(course(1000, 1)).toEqual([1500])
    expect(client.failed).toBe(TRUNCATED)
    expect(clock.pending).toBe(0)
  })

  it('leaves no timer behind when it is discarded, from outside or from within', () => {
    for (const within of [false, true]) {
      const { peer, client, response, clock } = started()
      if (within) client.onData = () => response.discard()
      peer.send(1500)
      if (!within) response.discard()
      expect(clock.pending).toBe(0)
      expect(peer.discarded).toBe(1)
      response.resume()
      expect(peer.send(10)).toBe(true)
      peer.end()
      response.resume()
      clock.advance(10_000)
      expect(client).toMatchObject({ taken: 1000, over: false })
      expect(peer.resumed).toBe(0)
    }
  })

  it('behind a buffer: the peer is read and freed at once', async () => {
    const disk = watchDisk()
    const { clock, client, peer } = limited()
    let over = 0
    const buffered = bufferedResponse(peer, {
      buffers: 1000,
      maxTempFile: 100_000,
      tempPath: disk.path,
      onUpstreamOver: () => over++,
    })
    limitRate(buffered, { rate: 1000, clock }).start(client)
    for (let i = 0; i < 10; i++) {
      peer.send(700)
      await disk.idle()
      expect(peer.open).toBe(true)
    }
    peer.end()
    expect(over).toBe(1)
    for (let second = 1; second <= 7; second++) {
      expect(client.taken).toBeLessThanOrEqual(second * 1000)
      for (let i = 0; i < 10; i++) {
        clock.advance(100)
        await disk.idle()
      }
    }
    client.expectBytes(7000)
    expect(client.ended).toEqual([])
    expect(clock.pending).toBe(0)
  })

  it('of a whole response', () => {
    const { clock, client, course } = limited()
    const whole = Object.assign(new Peer(), { whole: bytes(2500) })
    whole.start = (sink) => {
      sink.data(whole.whole)
      sink.end([])
    }
    const response = limitRate(whole, { rate: 1000, clock })
    expect(response.whole).toBeUndefined()
    response.start(client)
    expect(client.taken).toBe(1000)
    expect(course(1000, 2)).toEqual([2000, 2500])
    expect(client.ended).toEqual([])
  })
})

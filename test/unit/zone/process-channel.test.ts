/** The process's own channel, as a zone uses it. */
import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { processChannel } from '../../../src/zone/process-channel.js'

class FakeProcess extends EventEmitter {
  connected = true
  readonly sent: object[] = []
  readonly waiting: (() => void)[] = []
  send(message: object, _handle: undefined, _options: object, done: () => void): boolean {
    this.sent.push(message)
    this.waiting.push(done)
    return false
  }
}

describe('processChannel', () => {
  it('is none where nobody listens', () => {
    const alone = new FakeProcess()
    alone.connected = false
    expect(processChannel(alone)).toBeUndefined()
    expect(processChannel(Object.assign(new FakeProcess(), { send: undefined }))).toBeUndefined()
  })

  it('says when the next message may follow', () => {
    const from = new FakeProcess()
    const channel = processChannel(from)!
    let sent = 0
    channel.send({ a: 1 }, () => sent++)
    expect([from.sent, sent]).toEqual([[{ a: 1 }], 0])
    from.waiting[0]!()
    expect(sent).toBe(1)
    from.connected = false
    channel.send({ a: 2 }, () => sent++)
    expect([from.sent.length, sent]).toEqual([1, 2])
  })

  it('leaves nothing behind, and many of them are no leak', () => {
    const from = new FakeProcess()
    const most = from.getMaxListeners()
    const stops: (() => void)[] = []
    const heard: unknown[] = []
    for (let i = 0; i < 30; i++) {
      const channel = processChannel(from)!
      stops.push(channel.onMessage((message) => heard.push(message)))
      stops.push(channel.onClose!(() => heard.push('closed')))
    }
    expect(from.listenerCount('message')).toBeLessThan(from.getMaxListeners())
    from.emit('message', 'x')
    from.emit('disconnect')
    expect(heard).toHaveLength(60)
    for (const stop of stops) stop()
    expect([from.eventNames(), from.getMaxListeners()]).toEqual([[], most])
  })
})

import { fakeClock } from 'evenkeel/testing'
import { describe, expect, it, test } from 'vitest'
import { SessionTable } from '../../../src/sticky/session-table.js'
import { makePeer } from '../upstream/group.js'
import { rig } from './rig.js'

const learn = { create: { cookie: 'sid' }, lookup: { cookie: 'sid' } } as const
const sent = { cookie: 'sid=s1' }

test.each([
  [{ cookie: 'sid' }, ['Set-Cookie', 'other=1', 'set-cookie', 'sid=s1; Path=/']],
  [{ header: 'X-Session' }, ['x-session', 's1']],
  [
    ({
      headers,
      status,
    }: {
      headers: { get(name: string): string | undefined }
      status: number
    }) => (status === 200 ? headers.get('x-own') : undefined),
    ['X-Own', 's1'],
  ],
])('a session that a response begins: %j', (create, rawHeaders) => {
  const made = rig({ learn: { ...learn, create } })
  expect(made.answer('c', {}, rawHeaders)).toBe(rawHeaders)
  expect([made.tried(sent), made.tried(sent)]).toEqual([['c'], ['c']])
  expect(made.tried({ cookie: 'sid=other' })).toEqual(['a'])
})

describe('a session', () => {
  it('is not begun by what a client says', () => {
    const made = rig({ learn })
    made.answer('c', sent, [])
    expect(made.tried(sent)).toEqual(['a'])
  })

  it('moves with its client when another peer has served it', () => {
    const made = rig({ learn })
    made.answer('c', {}, ['Set-Cookie', 'sid=s1'])
    made.peer('c').down = true
    expect(made.tried(sent)).toEqual(['a'])
    made.answer('b', sent, [])
    made.peer('c').down = false
    expect([made.tried(sent), made.tried(sent)]).toEqual([['b'], ['b']])
  })

  it('is begun anew where a peer sets it again', () => {
    const made = rig({ learn })
    made.answer('c', {}, ['Set-Cookie', 'sid=s1'])
    made.answer('b', sent, ['Set-Cookie', 'sid=s1'])
    expect(made.tried(sent)).toEqual(['b'])
  })

  it('is no text that is empty, nor anything else', () => {
    const made = rig({ learn: { create: () => 7 as never, lookup: () => '' } })
    made.answer('c', {}, [])
    expect(made.tried(sent)).toEqual(['a'])
  })

  it('of a peer that is gone leads nowhere', () => {
    const made = rig({ learn })
    made.answer('c', {}, ['Set-Cookie', 'sid=s1'])
    made.registry.remove(made.peer('c'))
    expect(made.tried(sent)).toEqual(['a'])
  })

  it('is forgotten when it has not been seen for long', () => {
    const made = rig({ learn: { ...learn, timeout: 1000 } })
    made.answer('c', {}, ['Set-Cookie', 'sid=s1'])
    for (let i = 0; i < 3; i++) {
      made.clock.advance(999)
      expect(made.tried(sent)).toEqual(['c'])
    }
    made.clock.advance(1000)
    expect(made.tried(sent)).toEqual(['a'])
  })
})

describe('the table', () => {
  it('gives up what was not seen for the longest', () => {
    const peer = makePeer()
    const table = new SessionTable(3, 1000, fakeClock(0))
    for (const session of ['a', 'b', 'c']) table.set(session, peer)
    table.peerOf('a')
    table.move('b', peer)
    table.set('d', peer)
    expect(table.size).toBe(3)
    expect(['a', 'b', 'c', 'd'].map((session) => table.peerOf(session))).toEqual([
      peer,
      peer,
      undefined,
      peer,
    ])
  })

  it('lets go of all that have timed out', () => {
    const clock = fakeClock(0)
    const table = new SessionTable(100, 1000, clock)
    for (let i = 0; i < 50; i++) table.set(`s${i}`, makePeer())
    clock.advance(500)
    table.set('late', makePeer())
    clock.advance(500)
    table.set('new', makePeer())
    expect(table.size).toBe(2)
    expect(table.peerOf('s1')).toBeUndefined()
    clock.advance(500)
    expect(table.peerOf('late')).toBeUndefined()
    expect(table.size).toBe(1)
  })
})

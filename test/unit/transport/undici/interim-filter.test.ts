import { describe, expect, it } from 'vitest'
import { InterimFilter } from '../../../../src/transport/undici/interim-filter.js'

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'
const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'

/** What undici gets of these reads, and what was told meanwhile. */
function run(reads: readonly string[], limit = 1000) {
  const filter = new InterimFilter(limit)
  filter.expectHead()
  const told = { continued: 0, tooLong: 0 }
  const observer = {
    continued: () => {
      told.continued++
    },
    headTooLong: () => {
      told.tooLong++
    },
  }
  const passed = reads.map((read) => filter.pass(Buffer.from(read, 'latin1'), observer))
  const text = passed.map((bytes) => bytes?.toString('latin1') ?? '').join('')
  return { ...told, text, reason: filter.reason }
}

describe('100 (Continue) is kept from undici', () => {
  it.each([
    ['alone', [CONTINUE, OK], OK, 1],
    ['in one piece with what follows', [CONTINUE + OK], OK, 1],
    ['between others', [CONTINUE + HINTS + CONTINUE + OK], HINTS + OK, 2],
    ['not at all', [HINTS, OK], HINTS + OK, 0],
    ['behind the head', [OK, CONTINUE], OK + CONTINUE, 0],
    ['101 with what looks like one behind it', [`HTTP/1.1 101 X\r\n\r\n${CONTINUE}`], undefined, 0],
  ])('%s', (_, reads, expected = reads.join(''), continued) => {
    expect(run(reads)).toMatchObject({ text: expected, continued, tooLong: 0 })
  })

  it('cut at any byte', () => {
    const bytes = CONTINUE + HINTS + CONTINUE + OK
    for (let at = 0; at <= bytes.length; at++) {
      const { text, continued } = run([bytes.slice(0, at), bytes.slice(at)].filter(Boolean))
      expect({ text, continued }, `cut at ${at}`).toEqual({ text: HINTS + OK, continued: 2 })
    }
    expect(run(Array.from(bytes))).toMatchObject({ text: HINTS + OK, continued: 2 })
  })
})

describe('a head without end', () => {
  const long = 'x'.repeat(600)

  it('is told when more comes after the limit', () => {
    expect(run([`HTTP/1.1 200 ${long}`, long])).toMatchObject({ tooLong: 0 })
    expect(run([`HTTP/1.1 200 ${long}`, long, long])).toMatchObject({ tooLong: 1 })
  })

  it('of an interim response, too', () => {
    expect(run([`HTTP/1.1 103 ${long}`, long, long])).toMatchObject({ tooLong: 1 })
  })
})

describe('a reason phrase', () => {
  it.each([
    ['OK', undefined],
    ['Pas trouvé', 'Pas trouvé'],
  ])('%s', (reason, expected) => {
    expect(run([`HTTP/1.1 404 ${reason}\r\n\r\n`]).reason).toBe(expected)
    expect(run([`${HINTS}HTTP/1.1 404 ${reason}\r\n\r\n`]).reason).toBe(expected)
  })
})

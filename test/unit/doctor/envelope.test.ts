/** What syslog, journald and containers put around a line. */
import { describe, expect, it } from 'vitest'
import { AccessReader } from '../../../src/doctor/access-reader.js'
import { contentOf, fitsWithin } from '../../../src/doctor/envelope.js'
import { FieldsReader } from '../../../src/doctor/fields-reader.js'

const LINE = '10.0.0.1 - - [12/Nov/2026:10:11:12 +0100] "GET / HTTP/1.1" 200 5 "-" "a: b"'

describe('what is around a line', () => {
  it.each([
    ['syslog, as nginx sends it', `<190>Nov 12 10:11:12 web-1 nginx: ${LINE}`],
    ['with nohostname and a tag', `<187>Nov  2 10:11:12 nginx_shop: ${LINE}`],
    ['as a daemon writes it to a file', `Nov 12 10:11:12 web-1 nginx[123]: ${LINE}`],
    ['rsyslog', `2026-11-12T10:11:12.123456+01:00 web-1.example nginx[123]: ${LINE}`],
    ['RFC 5424', `<190>1 2026-11-12T10:11:12Z web-1 nginx 123 - - ${LINE}`],
    ['Kubernetes', `2026-11-12T10:11:12.123456789+01:00 stdout F ${LINE}`],
    ['timestamps', `2026-11-12T10:11:12.123456789Z ${LINE}`],
    ['docker compose', `shop-nginx-1  | ${LINE}`],
    ["Docker's json-file", JSON.stringify({ log: `${LINE}\n`, stream: 'stdout', time: '…' })],
  ])('%s', (_, line) => {
    expect(contentOf(line)).toBe(LINE)
  })

  it.each([
    LINE,
    '',
    'Nov 12 10:11:12',
    '2026/11/12 10:11:12 [error] 7#8: *99 no live upstreams',
    '{"log": 1}',
    '{"log": "x"',
    '{"status": 200}',
    '[1]',
  ])('nothing: %s', (line) => {
    expect(contentOf(line)).toBeUndefined()
  })

  it('one in another, but not without end', () => {
    const of = (depth: number): string => `${'nginx-1 | '.repeat(depth)}x`
    const isX = (text: string): boolean => text === 'x'
    for (const depth of [0, 1, 2, 3]) expect(fitsWithin(of(depth), isX)).toBe(true)
    expect(fitsWithin(of(4), isX)).toBe(false)
    const seen: string[] = []
    fitsWithin('a | b | c', (text) => seen.push(text) === 2)
    expect(seen).toEqual(['a | b | c', 'b | c'])
  })
})

describe('a line of a structured logger', () => {
  const lines = [
    '{"level":30,"time":1794478272123,"status":200,"request":"GET / HTTP/1.1"}',
    '{"level":30,"time":1794478272124,"status":502,"upstream_addr":"10.0.0.1:80, shop"}',
  ]

  it('has the variables by their names, and the time of the logger', () => {
    const reader = FieldsReader.of(lines)!
    expect(reader.read(lines[0]!)).toBe(true)
    const value = (name: string): string => reader.value(reader.slotOf(name))
    expect(value('msec')).toBe('1794478272.123')
    expect(value('status')).toBe('200')
    expect(value('upstream_addr')).toBe('')
    expect(reader.read(lines[1]!)).toBe(true)
    expect(value('upstream_addr')).toBe('10.0.0.1:80, shop')
    expect(value('request')).toBe('')
    expect(reader.slotOf('upstream_status')).toBe(-1)
    expect(value('upstream_status')).toBe('')
  })

  it('may have its time as a text', () => {
    const line = '{"time":"2026-11-12T10:11:12.123Z","status":200}'
    const reader = FieldsReader.of([line])!
    reader.read(line)
    expect(reader.value(reader.slotOf('time_iso8601'))).toBe('2026-11-12T10:11:12.123Z')
    expect(new AccessReader(reader).read(line)).toBe(true)
  })

  it('is none without a status', () => {
    const reader = FieldsReader.of(lines)!
    for (const line of ['{"msg":"listening"}', '[]', 'x', '{"status":'])
      expect(reader.read(line)).toBe(false)
    expect(FieldsReader.of(['{"msg":"listening"}', 'x', 'null'])).toBeUndefined()
  })
})

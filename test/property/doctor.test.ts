/** Any format, any value: what nginx's rules write, the reader reads back; and no line does any harm. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AccessReader } from '../../src/doctor/access-reader.js'
import { unescapeValue } from '../../src/doctor/escapes.js'
import type { LogEscape } from '../../src/doctor/escapes.js'
import { parseErrorLine } from '../../src/doctor/error-line.js'
import { LineReader } from '../../src/doctor/line-reader.js'
import { wrap } from '../../src/doctor/wrap.js'
import type { LogFormatPart } from '../../src/observe/log-format.js'

/** As nginx writes it: ngx_http_log_escape, ngx_escape_json. */
function escapeAs(escape: LogEscape, value: string): string {
  if (escape === 'none') return value
  return Array.from(value)
    .map((char) => {
      const code = char.charCodeAt(0)
      if (escape === 'default')
        return code < 32 || code > 126 || char === '"' || char === '\\'
          ? `\\x${code.toString(16).padStart(2, '0').toUpperCase()}`
          : char
      if (char === '"' || char === '\\') return `\\${char}`
      const letter = { 8: 'b', 9: 't', 10: 'n', 12: 'f', 13: 'r' }[code]
      if (letter !== undefined) return `\\${letter}`
      return code < 32 ? `\\u${code.toString(16).padStart(4, '0')}` : char
    })
    .join('')
}

const bytes = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
})
const hostile = fc.oneof(
  bytes,
  fc.constantFrom(
    '',
    '-',
    '"',
    '\\',
    '\\"',
    '", "',
    '\t',
    ' : ',
    'a, b',
    '\\x22',
    '{"a":"b"}',
    '" 200 "',
  ),
)
const escapes = fc.constantFrom<LogEscape>('default', 'json')

/** Free text in quotes or between tabs; statuses and lists bare. */
const lists = fc
  .array(fc.constantFrom('10.0.0.1:80', '[::1]:80', 'unix:/run/a', 'example'), {
    minLength: 1,
    maxLength: 4,
  })
  .chain((items) => fc.constantFrom(', ', ' : ').map((join) => items.join(join)))
const statuses = fc
  .array(fc.constantFrom('200', '502', '-', '504'), { minLength: 1, maxLength: 4 })
  .map((items) => items.join(', '))

describe('the access log', () => {
  it('round trip: quoted texts, lists and numbers, whatever stands between them', () => {
    const between = fc.constantFrom(' ', ' | ', '\t', ' - ', ';', ' [', '] ')
    fc.assert(
      fc.property(
        escapes,
        fc.array(hostile, { minLength: 1, maxLength: 5 }),
        lists,
        statuses,
        fc.integer({ min: 100, max: 599 }),
        fc.array(between, { minLength: 9, maxLength: 9 }),
        (escape, texts, addr, codes, status, gaps) => {
          const parts: LogFormatPart[] = []
          let line = ''
          const values: Record<string, string> = {}
          const put = (variable: string, value: string, quote: string): void => {
            parts.push({ text: `${gaps[parts.length % 9] ?? ' '}${quote}` }, { variable })
            line += `${gaps[(parts.length - 2) % 9] ?? ' '}${quote}${escapeAs(escape, value)}`
            values[variable] = value
            if (quote === '') return
            parts.push({ text: quote })
            line += quote
          }
          for (const [index, text] of texts.entries()) put(`http_x${index}`, text, '"')
          put('status', String(status), '')
          put('upstream_addr', addr, '')
          put('upstream_status', codes, '')
          const reader = new LineReader(joined(parts), escape)
          expect(reader.read(line)).toBe(true)
          for (const [name, value] of Object.entries(values))
            expect(reader.value(reader.slotOf(name)), name).toBe(value)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('round trip: tab-separated, nothing quoted', () => {
    fc.assert(
      fc.property(escapes, fc.array(hostile, { minLength: 1, maxLength: 8 }), (escape, values) => {
        const parts = values.flatMap((_, i): LogFormatPart[] => [
          ...(i === 0 ? [] : [{ text: '\t' }]),
          { variable: `http_x${i}` },
        ])
        const line = values.map((value) => escapeAs(escape, value)).join('\t')
        const reader = new LineReader(parts, escape)
        expect(reader.read(line)).toBe(true)
        expect(values.map((_, i) => reader.value(reader.slotOf(`http_x${i}`)))).toEqual(values)
      }),
    )
  })

  it('unescaping undoes escaping, and takes anything', () => {
    fc.assert(
      fc.property(escapes, hostile, (escape, value) => {
        expect(unescapeValue(escapeAs(escape, value), escape)).toBe(value)
        unescapeValue(value, escape)
      }),
    )
  })

  it('no line throws', () => {
    const format =
      '$remote_addr [$time_local] $msec "$request" $status $upstream_addr $upstream_status $upstream_response_time "$http_user_agent" $http_x $request_time'
    const readers = escapeReaders(format)
    const pieces = fc.constantFrom(
      ...[
        '1.2.3.4',
        ' [',
        '12/Nov/2026:10:11:12 +0000',
        '] ',
        '1800000000.000',
        ' "',
        'GET / HTTP/1.1',
        '" ',
        '502',
        ', ',
        ' : ',
        '-',
        ' ',
        '\\',
        '"',
        '0.001',
        '\u00ff',
        '99999999999999999999',
      ],
    )
    fc.assert(
      fc.property(
        fc.oneof(
          bytes,
          fc.array(pieces, { maxLength: 60 }).map((all) => all.join('')),
        ),
        (line) => {
          for (const reader of readers) {
            if (!reader.read(line)) continue
            expect(Number.isFinite(reader.time)).toBe(true)
            expect(reader.attempts().length).toBeLessThanOrEqual(100)
            expect(`${reader.method}${reader.path}${reader.duration}`).not.toBe('')
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('the error log', () => {
  it('no line throws', () => {
    const pieces = fc.constantFrom(
      ...[
        '2026/11/12 10:11:12 [error] 1#1: *2 ',
        'no live upstreams',
        ' while connecting to upstream',
        ', client: c',
        ', request: "',
        'GET / HTTP/1.1',
        '", upstream: "',
        'http://',
        'unix:',
        ':/',
        '", host: "',
        '"',
        '(104: ',
      ],
    )
    const line = fc.oneof(
      bytes,
      fc.array(pieces, { maxLength: 30 }).map((all) => all.join('')),
    )
    fc.assert(fc.property(line, (text) => void parseErrorLine(text)))
  })
})

describe('the report', () => {
  it('lines keep to their width, and nothing but blanks is lost', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 80 }), (text, width) => {
        const lines = wrap(text, width)
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(Math.max(width, 2))
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
      }),
    )
  })
})

function joined(parts: readonly LogFormatPart[]): LogFormatPart[] {
  const result: LogFormatPart[] = []
  for (const part of parts) {
    const last = result.at(-1)
    if ('text' in part && last !== undefined && 'text' in last)
      result.splice(-1, 1, { text: last.text + part.text })
    else result.push(part)
  }
  return result
}

const escapeReaders = (format: string): AccessReader[] =>
  (['default', 'json', 'none'] as const).map((escape) => new AccessReader(format, escape))

/** No value forges a log line, and none is lost in one. */
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { escapeDefault, escapeJson } from '../../src/observe/log-escape.js'

const bytes = fc
  .uint8Array({ maxLength: 40 })
  .map((values) => Buffer.from(values).toString('latin1'))

describe('escaping', () => {
  it('default: printable ASCII without quotes, from which the bytes can be had back', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        const line = escapeDefault(value, 'bytes')
        if (!/^[\x20-\x7e]*$/.test(line) || line.includes('"')) return false
        const back = line.replace(/\\x([\dA-F]{2})/g, (_, hex: string) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        )
        return back === value
      }),
    )
  })

  it('json: a JSON string of the same text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const sent = Buffer.from(value, 'utf8')
        const said = JSON.parse(`"${escapeJson(sent.toString('latin1'), 'bytes')}"`) as string
        return said === sent.toString('utf8')
      }),
    )
  })
})

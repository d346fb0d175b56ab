import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildOutboundHeaders } from '../../src/message/forwarded.js'
import { outboundHeaders } from '../../src/message/request-headers.js'
import { responseHeaders } from '../../src/message/response-headers.js'
import { compileTrust } from '../../src/message/trust-proxy.js'

const HOP_BY_HOP_REQUEST = [
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade', 'http2-settings', 'expect', 'content-length'],
]
const OURS = [
  ...['host', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port'],
  ...['x-real-ip', 'forwarded'],
]
const HOP_BY_HOP_RESPONSE = [
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding'],
  ...['upgrade', 'http2-settings'],
]
const DISGUISED = ['x_forwarded_for', 'x-forwarded_proto', 'x_real_ip']
const ORDINARY = [
  ...['accept', 'cookie', 'authorization', 'x-a', 'x-b', 'x-forwarded', 'x_user', 'user_id'],
  ...['__proto__', 'constructor', 'tostring', 'hasownproperty', 'set-cookie', 'proxy-authenticate'],
]

const tokenChar = fc.constantFrom(...Array.from("abcxyzABCXYZ019!#$%&'*+-.^_`|~"))
const anyCase = (name: string) =>
  fc
    .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
    .map((upper) => Array.from(name, (c, i) => (upper[i] ? c.toUpperCase() : c)).join(''))
const fieldName = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ORDINARY).chain(anyCase) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(...HOP_BY_HOP_REQUEST, ...OURS, ...DISGUISED, ':path')
      .chain(anyCase),
  },
  { weight: 2, arbitrary: fc.string({ unit: tokenChar, minLength: 1, maxLength: 6 }) },
)
const fieldValue = fc.string({ maxLength: 12 })
const option = fc.oneof(
  fc.constantFrom(...ORDINARY, ...OURS, 'content-length', 'close', 'keep-alive', '').chain(anyCase),
  fieldName,
)
const connectionLine = fc.tuple(
  anyCase('connection'),
  fc
    .array(option, { maxLength: 5 })
    .chain((options) => fc.constantFrom(', ', ',', ' ,\t').map((by) => options.join(by))),
)
const head = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fieldName, fieldValue) },
    { weight: 1, arbitrary: connectionLine },
  ),
  { maxLength: 25 },
)

type Lines = [name: string, value: string][]

/** The rule, told plainly and slowly. */
function namedBy(lines: Lines): Set<string> {
  const values = lines
    .filter(([name]) => name.toLowerCase() === 'connection')
    .map(([, value]) => value)
  return new Set(
    values.flatMap((value) => value.split(',')).map((name) => name.trim().toLowerCase()),
  )
}

function expectedRequest(lines: Lines): Map<string, string[]> {
  const named = namedBy(lines)
  const gone = new Set([...HOP_BY_HOP_REQUEST, ...OURS, ...DISGUISED])
  const left = new Map<string, string[]>()
  for (const [name, value] of lines) {
    const field = name.toLowerCase()
    if (field.startsWith(':') || gone.has(field) || named.has(field)) continue
    const before = left.get(field)
    if (before === undefined) left.set(field, [value])
    else before.push(value)
  }
  const cookies = left.get('cookie')
  if (cookies !== undefined) left.set('cookie', [cookies.join('; ')])
  return left
}

describe('outbound request fields', () => {
  it('are exactly those that are neither hop-by-hop, named by Connection, framing nor ours', () => {
    fc.assert(
      fc.property(head, (lines) => {
        const out = outboundHeaders(lines.flat())
        const seen = new Map<string, string[]>()
        for (const [name, value] of Object.entries(out)) {
          const field = name.toLowerCase()
          expect(seen.has(field)).toBe(false)
          expect(lines.find(([sent]) => sent.toLowerCase() === field)?.[0]).toBe(name)
          if (Array.isArray(value)) expect(value.length).toBeGreaterThan(1)
          seen.set(field, Array.isArray(value) ? value : [value])
        }
        expect(seen).toEqual(expectedRequest(lines))
        expect(Object.getPrototypeOf(out)).toBeNull()
      }),
      { numRuns: 1000 },
    )
  })

  it('are in the order in which they came first', () => {
    fc.assert(
      fc.property(head, (lines) => {
        const isIndex = (name: string) => /^(0|[1-9]\d*)$/.test(name) // engines put these first
        const names = Object.keys(outboundHeaders(lines.flat())).filter((name) => !isIndex(name))
        const wanted = [...expectedRequest(lines).keys()].filter((name) => !isIndex(name))
        expect(names.map((name) => name.toLowerCase())).toEqual(wanted)
      }),
    )
  })

  it('are the same with request.headers that nobody touched, but for lines that Node drops', () => {
    fc.assert(
      fc.property(head, (lines) => {
        const raw = lines.flat()
        const live = Object.create(null) as Record<string, string>
        for (const [name, value] of lines) {
          const field = name.toLowerCase()
          const by = field === 'cookie' ? '; ' : ', '
          live[field] = field in live ? `${live[field] ?? ''}${by}${value}` : value
        }
        expect(outboundHeaders(raw, undefined, live)).toEqual(outboundHeaders(raw))
      }),
    )
  })

  it('say of a stranger only what the socket says, whatever it sends', () => {
    fc.assert(
      fc.property(head, (lines) => {
        const facts = {
          rawHeaders: lines.flat(),
          remoteAddress: '192.0.2.1',
          localPort: 80,
          encrypted: true,
        }
        const { headers, clientAddress } = buildOutboundHeaders(facts, 'inner', compileTrust(false))
        expect(clientAddress).toBe('192.0.2.1')
        const mine = Object.entries(headers).filter(([name]) =>
          OURS.includes(name.toLowerCase().replaceAll('_', '-')),
        )
        const asked = lines.find(([name]) => name.toLowerCase() === 'host')?.[1]
        expect(mine).toEqual([
          ['host', 'inner'],
          ['X-Forwarded-For', '192.0.2.1'],
          ['X-Real-IP', '192.0.2.1'],
          ['X-Forwarded-Proto', 'https'],
          ...(asked === undefined || asked === '' ? [] : [['X-Forwarded-Host', asked]]),
          ['X-Forwarded-Port', '80'],
        ])
      }),
    )
  })
})

describe('response fields', () => {
  it('are exactly those that are neither hop-by-hop nor named by Connection', () => {
    fc.assert(
      fc.property(head, (lines) => {
        const named = namedBy(lines)
        named.delete('content-length')
        const wanted = lines.filter(([name]) => {
          const field = name.toLowerCase()
          return !field.startsWith(':') && !HOP_BY_HOP_RESPONSE.includes(field) && !named.has(field)
        })
        expect(responseHeaders(lines.flat())).toEqual(wanted.flat())
      }),
      { numRuns: 1000 },
    )
  })
})

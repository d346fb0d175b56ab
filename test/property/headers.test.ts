import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildOutboundHeaders } from '../../src/message/forwarded.js'
import type { HeadSettings, RequestFacts } from '../../src/message/forwarded.js'
import { chainOf, forwardedElement, forwardedFromChain } from '../../src/message/forwarded-field.js'
import { requestTarget } from '../../src/message/request-target.js'
import { responseHeaders } from '../../src/message/response-headers.js'
import { clientAddress, compileTrust } from '../../src/message/trust-proxy.js'

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
const head: fc.Arbitrary<Lines> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fieldName, fieldValue) },
    { weight: 1, arbitrary: connectionLine },
  ),
  { maxLength: 25 },
)

type Lines = [name: string, value: string][]
type Live = Record<string, string | string[]>

function build(
  lines: Lines,
  given: Partial<RequestFacts> = {},
  settings: Partial<HeadSettings> = {},
) {
  const facts: RequestFacts = {
    rawHeaders: Object.freeze(lines.flat()),
    remoteAddress: '192.0.2.1',
    localPort: 80,
    encrypted: true,
    httpVersion: '1.1',
    ...given,
  }
  const all = { host: 'peer', forwarded: 'none', via: undefined, maxHeaders: 1000, ...settings }
  return buildOutboundHeaders(facts, all as HeadSettings, compileTrust(false))
}

function linesOf(list: readonly string[]): Lines {
  const lines: Lines = []
  for (let i = 0; i < list.length; i += 2) lines.push([list[i] ?? '', list[i + 1] ?? ''])
  return lines
}

/** As Node does it, but that it keeps all lines. */
function liveOf(lines: Lines): Live {
  const live = Object.create(null) as Record<string, string>
  for (const [name, value] of lines) {
    const field = name.toLowerCase()
    const by = field === 'cookie' ? '; ' : ', '
    live[field] = field in live ? `${live[field] ?? ''}${by}${value}` : value
  }
  return live
}

/** The rule, told plainly and slowly. */
function namedBy(lines: Lines): Set<string> {
  const values = lines
    .filter(([name]) => name.toLowerCase() === 'connection')
    .map(([, value]) => value)
  return new Set(
    values.flatMap((value) => value.split(',')).map((name) => name.trim().toLowerCase()),
  )
}

function isOurs(field: string): boolean {
  return OURS.includes(field) || DISGUISED.includes(field)
}

/** What a stranger's lines come to, without any of ours. */
function expectedRequest(lines: Lines): Lines {
  const named = namedBy(lines)
  const left: Lines = []
  let cookie: Lines[number] | undefined
  let te = false
  for (const [name, value] of lines) {
    const field = name.toLowerCase()
    if (field === 'te' && !te && /(^|,)\s*trailers\s*(,|$)/i.test(value)) {
      te = true
      left.push([name, 'trailers'])
    }
    if (field.startsWith(':') || HOP_BY_HOP_REQUEST.includes(field) || isOurs(field)) continue
    if (named.has(field)) continue
    if (field !== 'cookie') {
      left.push([name, value])
    } else if (cookie === undefined) {
      cookie = [name, value]
      left.push(cookie)
    } else {
      cookie[1] += `; ${value}`
    }
  }
  return left
}

/** The same, with what middleware has made of it. */
function expectedOf(lines: Lines, live: Live): Lines {
  const left: Lines = []
  const before = liveOf(lines)
  const isKept = (field: string) =>
    !field.startsWith(':') && !HOP_BY_HOP_REQUEST.includes(field) && !isOurs(field)
  const isTouched = (field: string) => String(live[field]) !== String(before[field])
  // Its lines say the same: no change.
  for (const field in live)
    if ([live[field]].flat().join(', ') === before[field]) live[field] = before[field]
  const replaced = new Set<string>()
  for (const line of expectedRequest(lines.filter(([name]) => !/^connection$/i.test(name)))) {
    const field = line[0].toLowerCase()
    if (field === 'te') left.push(line)
    else if (!isTouched(field)) {
      if (!namedBy(lines).has(field)) left.push(line)
    } else if (live[field] !== undefined && !replaced.has(field)) {
      replaced.add(field)
      for (const value of [live[field]].flat()) left.push([line[0], value])
    }
  }
  for (const field in live) {
    if (field in before || !isKept(field)) continue
    for (const value of [live[field] ?? []].flat()) left.push([field, value])
  }
  return left
}

describe('outbound request fields', () => {
  it('are exactly those that are neither hop-by-hop, named by Connection, framing nor ours', () => {
    fc.assert(
      fc.property(head, (lines) => {
        expect(linesOf(build(lines).headers)).toEqual(expectedRequest(lines))
      }),
      { numRuns: 1000 },
    )
  })

  it('are the same with request.headers that nobody touched, but for lines that Node drops', () => {
    fc.assert(
      fc.property(head, (lines) => {
        expect(build(lines, { headers: liveOf(lines) }).headers).toEqual(build(lines).headers)
      }),
    )
  })

  it('are what middleware makes of them', () => {
    const value = fc.oneof(fieldValue, fc.array(fieldValue, { maxLength: 3 }))
    const edits = fc.array(fc.tuple(fc.nat({ max: 25 }), fc.option(value, { nil: undefined })))
    const additions = fc.array(fc.tuple(fieldName, value))
    fc.assert(
      fc.property(head, edits, additions, (lines, edited, added) => {
        const live = liveOf(lines)
        for (const [at, now] of edited) {
          const field = lines[at]?.[0].toLowerCase()
          if (field === undefined) continue
          // eslint-disable-next-line @typescript-eslint/no-dynamic-delete
          if (now === undefined) delete live[field]
          else live[field] = now
        }
        for (const [name, now] of added) live[name.toLowerCase()] = now
        expect(linesOf(build(lines, { headers: live }).headers)).toEqual(expectedOf(lines, live))
      }),
      { numRuns: 2000 },
    )
  })

  it('say of a stranger only what the socket says, whatever it sends', () => {
    fc.assert(
      fc.property(head, (lines) => {
        const settings = { host: 'inner', forwarded: 'both' } as const
        const { headers, clientAddress } = build(lines, {}, settings)
        expect(clientAddress).toBe('192.0.2.1')
        const mine = linesOf(headers)
          .map(([name, value]) => [name.toLowerCase().replaceAll('_', '-'), value] as const)
          .filter(([name]) => OURS.includes(name))
        const asked = lines.find(([name]) => name.toLowerCase() === 'host')?.[1]
        const host = asked === '' ? undefined : asked
        expect(mine.length).toBe(host === undefined ? 6 : 7)
        expect(Object.fromEntries(mine)).toEqual({
          host: 'inner',
          'x-forwarded-for': '192.0.2.1',
          'x-real-ip': '192.0.2.1',
          'x-forwarded-proto': 'https',
          ...(host !== undefined && { 'x-forwarded-host': host }),
          'x-forwarded-port': '80',
          forwarded: forwardedElement('192.0.2.1', 'https', host),
        })
        const others = linesOf(headers).filter(([name]) => !isOurs(name.toLowerCase()))
        expect(others).toEqual(expectedRequest(lines))
      }),
    )
  })
})

describe('Forwarded', () => {
  const ip = fc.oneof(fc.ipV4(), fc.ipV6())

  it('says what X-Forwarded-For says, and is understood again', () => {
    const host = fc.constantFrom('a', 'a:80', '[::1]:8', 'b(,;=)c')
    fc.assert(
      fc.property(fc.array(ip, { minLength: 1 }), host, (addresses, named) => {
        const chain = addresses.join(', ')
        const field = forwardedFromChain(chain, 'https', named)
        expect(chainOf(field)).toBe(chain)
        expect(chainOf(`${field}, ${forwardedElement('1.2.3.4', 'http', named)}`)).toBe(
          `${chain}, 1.2.3.4`,
        )
      }),
    )
  })

  it('of a trusted proxy is believed, whatever a stranger has put before it', () => {
    const junk = fc.string({
      unit: fc.constantFrom(...Array.from('"\\,;= '), 'for=', '1.1.1.1', '_x', '"[::1]"'),
    })
    const trust = compileTrust('192.0.2.1')
    fc.assert(
      fc.property(junk, ip, (before, client) => {
        const chain = chainOf(`${before}, ${forwardedElement(client, 'https', 'a"'.slice(0, 1))}`)
        expect(clientAddress('192.0.2.1', chain, trust)).toBe(client)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('request target', () => {
  it('goes out without what could be taken for the end of the line, or for another host', () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom('/', '?', '#', '@', ':', '*', ' ', '\\', 'http://', 'https://', '[', ']'),
        fc.string({ unit: 'binary', maxLength: 3 }),
      ),
    })
    const method = fc.constantFrom('GET', 'OPTIONS', 'CONNECT')
    fc.assert(
      fc.property(method, text, fc.constantFrom('1.0', '1.1', '2.0'), (verb, target, version) => {
        const form = requestTarget(verb, target, version)
        if (form === 'bad_target' || form === 'connect') return
        const sent = form === 'as_is' ? target : form.target
        expect(sent).toMatch(/^(\/[^\0-\x20\x7f#\u0100-\uffff]*|\*)$/)
        if (form !== 'as_is') expect(form.authority).toMatch(/^[^\0-\x20/?#@\\:][^\0-\x20/?#@\\]*$/)
        if (form !== 'as_is') expect(target.endsWith(sent) || /^[/*]/.test(sent)).toBe(true)
      }),
      { numRuns: 2000 },
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
        expect(responseHeaders(lines.flat(), 'drop')).toEqual(wanted.flat())
      }),
      { numRuns: 1000 },
    )
  })
})

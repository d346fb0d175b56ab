/** Heads on their way through, both ways. */
import { buildOutboundHeaders } from '../../../../src/message/forwarded.js'
import type { HeadSettings, RequestFacts } from '../../../../src/message/forwarded.js'
import { requestFraming, responseFraming } from '../../../../src/message/framing.js'
import { requestTarget } from '../../../../src/message/request-target.js'
import { keepAliveHint, lineOf, responseHeaders } from '../../../../src/message/response-headers.js'
import { compileTrust } from '../../../../src/message/trust-proxy.js'
import type { Case } from '../case.js'
import { requestFields, responseFields, unseen } from '../fields.js'

const SIZES = [5, 10, 50, 100]

const SETTINGS: HeadSettings = {
  host: 'client',
  forwarded: 'x-forwarded',
  via: undefined,
  maxHeaders: 1000,
}

function factsOf(fields: readonly string[]): RequestFacts {
  const rawHeaders = unseen(fields)
  const headers: Record<string, string> = {}
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    headers[rawHeaders[i]!.toLowerCase()] = rawHeaders[i + 1]!
  return {
    rawHeaders,
    headers,
    liveLimit: 1000,
    remoteAddress: '127.0.0.1',
    localPort: 8080,
    encrypted: false,
    httpVersion: '1.1',
    authority: undefined,
  }
}

export function headerCases(): readonly Case[] {
  const stranger = compileTrust(false)
  const proxy = compileTrust('loopback')
  const plain = SIZES.map((size): Case => {
    const fields = requestFields(size)
    return {
      name: `${size} fields`,
      input: () => factsOf(fields),
      run: (facts: RequestFacts) => buildOutboundHeaders(facts, SETTINGS, stranger),
    }
  })
  const chain = ['X-Forwarded-For', '203.0.113.7', 'X-Forwarded-Proto', 'https']
  const forwarded = [...requestFields(8), ...chain]
  return [
    ...plain,
    {
      name: '10 fields, behind a trusted proxy',
      input: () => factsOf(forwarded),
      run: (facts: RequestFacts) => buildOutboundHeaders(facts, SETTINGS, proxy),
    },
    {
      name: 'framing of a request',
      run: () =>
        requestFraming({ contentLength: '1234', transferEncoding: undefined }, '1.1') ?? true,
    },
    { name: 'target', run: () => requestTarget('GET', '/a/path?with=query', '1.1') },
  ]
}

export function responseHeaderCases(): readonly Case[] {
  return SIZES.flatMap((size): readonly Case[] => {
    const input = (): string[] => unseen(responseFields(size))
    return [
      { name: `${size} fields`, input, run: (fields: string[]) => responseHeaders(fields, 'drop') },
      {
        name: `${size} fields, framing`,
        input,
        run: (fields: string[]) => responseFraming(fields, 1000),
      },
      {
        name: `${size} fields, keep-alive hint`,
        input,
        run: (fields: string[]) => keepAliveHint(fields) ?? true,
      },
      {
        name: `${size} fields, one looked up`,
        input,
        run: (fields: string[]) => lineOf(fields, 'content-length'),
      },
    ]
  })
}

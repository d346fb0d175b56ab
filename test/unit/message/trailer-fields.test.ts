import { describe, expect, it } from 'vitest'
import { trailerFields } from '../../../src/message/trailer-fields.js'

describe('trailerFields', () => {
  it.each([
    ...['If-Match', 'If-None-Match', 'If-Modified-Since', 'If-Anything', 'Authorization'],
    ...['Cache-Control', 'Connection', 'Content-Encoding', 'Content-Length', 'Content-Range'],
    ...['Content-Type', 'Expect', 'Host', 'Keep-Alive', 'Max-Forwards', 'Pragma'],
    ...['Proxy-Authenticate', 'Proxy-Authorization', 'Proxy-Connection', 'Range', 'Realm', 'TE'],
    ...['Trailer', 'Transfer-Encoding', 'Upgrade', 'HTTP2-Settings', 'WWW-Authenticate', 'Via'],
    ...['Set-Cookie', 'Cookie', 'X-Forwarded-For', 'X-Forwarded-Prefix', 'X-Real-IP', 'Forwarded'],
    ...['x_forwarded_for', 'Content_Length', ':status', ''],
  ])('leaves %s out', (name) => {
    for (const written of [name, name.toLowerCase(), name.toUpperCase()]) {
      expect(trailerFields(['A', '1', written, 'x', 'B', '2'])).toEqual(['A', '1', 'B', '2'])
    }
  })

  it('passes on all others as they are', () => {
    const raw = [
      ...['grpc-status', '0', 'Date', 'd', 'ETag', 'e', 'Server-Timing', 's', 'Digest', 'd'],
      ...['X-A', '1', 'x-a', '2', 'Iffy', '', '__proto__', 'p', 'x_user', 'u', 'Expires', '0'],
    ]
    expect(trailerFields(Object.freeze(raw))).toEqual(raw)
    expect(trailerFields([])).toEqual([])
  })
})

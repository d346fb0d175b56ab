/** What `zone` may be. */
import { createUpstream } from 'evenkeel'
import { describe, expect, it } from 'vitest'
import { resolveBalancer, resolveUpstream } from '../../src/config.js'

const peers = ['http://a']
const channel = { send: () => undefined, onMessage: () => () => undefined }

describe('zone', () => {
  it.each([
    ['edge', { name: 'edge', wait: 500, channel: undefined }],
    [{ name: 'edge' }, { name: 'edge', wait: 500, channel: undefined }],
    [
      { name: 'edge', wait: '1s', channel },
      { name: 'edge', wait: 1000, channel },
    ],
    [
      { name: 'edge', wait: 0 },
      { name: 'edge', wait: 0, channel: undefined },
    ],
  ])('%j', (zone, expected) => {
    expect(resolveUpstream({ peers, zone }).zone).toEqual(expected)
    expect(resolveBalancer({ upstream: peers, zone }).upstream).toMatchObject({ zone: expected })
  })

  it('is none when it is not given', () => {
    expect(resolveUpstream({ peers }).zone).toBeUndefined()
  })

  const NAME = 'must be a text of 1 to 256 characters, none of them a control character'
  it.each([
    ['', `zone ${NAME}`],
    ['a\nb', `zone ${NAME}`],
    ['x'.repeat(257), `zone ${NAME}`],
    [7, 'zone must be a name, or an object with one'],
    [true, 'zone must be a name, or an object with one'],
    [['edge'], 'zone must be a name, or an object with one'],
    [{}, 'zone.name is required'],
    [{ name: '' }, `zone.name ${NAME}`],
    [{ name: 7 }, `zone.name ${NAME}`],
    [{ name: 'x', wait: -1 }, 'zone.wait must be a time'],
    [{ name: 'x', wait: 'soon' }, 'zone.wait must be a time'],
    [{ name: 'x', channel: {} }, 'zone.channel must be a channel with send() and onMessage()'],
    [{ name: 'x', size: '64k' }, 'zone.size is not an option'],
  ])('%j: %s', (zone, message) => {
    expect(() => createUpstream({ peers, zone: zone as never })).toThrow(message)
  })

  it('belongs to the upstream', () => {
    const upstream = createUpstream({ peers })
    expect(() => resolveBalancer({ upstream, zone: 'x' })).toThrow(
      'zone belongs to the upstream made by createUpstream',
    )
  })
})

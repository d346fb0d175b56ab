import { ConfigurationError, createBalancer } from 'evenkeel'
import type { StatusPageOptions } from 'evenkeel'
import { describe, expect, it } from 'vitest'
import { resolveBalancer } from '../../src/config.js'

const upstream = ['http://a:80']

describe('statusPage', () => {
  it('has no controls by default, and goes back five minutes', () => {
    expect(resolveBalancer({ upstream }).statusPage).toEqual({
      controls: false,
      title: undefined,
      history: 300_000,
    })
  })

  it('takes what it is given', () => {
    const statusPage = { controls: true, title: 'Shop', history: '1h' }
    expect(resolveBalancer({ upstream, statusPage }).statusPage).toEqual({
      controls: true,
      title: 'Shop',
      history: 3_600_000,
    })
  })

  it.each([
    [true, 'statusPage', 'must be an object'],
    [{ controls: 'yes' }, 'statusPage.controls', 'must be true or false'],
    [{ title: 'a\nb' }, 'statusPage.title', 'must be a text of at most 100'],
    [{ title: 'x'.repeat(101) }, 'statusPage.title', 'must be a text of at most 100'],
    [{ history: '10s' }, 'statusPage.history', "must be from '1m' to '24h'"],
    [{ history: '2d' }, 'statusPage.history', "must be from '1m' to '24h'"],
    [{ control: true }, 'statusPage.control', 'is not an option'],
  ])('refuses %j', (statusPage, path, rule) => {
    try {
      createBalancer({ upstream, statusPage: statusPage as StatusPageOptions })
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigurationError)
      const { problems } = error as ConfigurationError
      expect(problems).toHaveLength(1)
      expect(problems[0]).toMatchObject({ path })
      expect(problems[0]?.rule).toContain(rule)
    }
  })
})

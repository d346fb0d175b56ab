/** What a path is for, and who may change something. */
import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { crossSiteRefusal } from '../../../../src/observe/status/cross-site.js'
import { routeOf } from '../../../../src/observe/status/routes.js'

describe('routeOf', () => {
  it.each([
    ['/', 'page'],
    ['', 'page'],
    ['/?x=/json', 'page'],
    ['/json', 'json'],
    ['/json/', 'json'],
    ['/events?x', 'events'],
    ['/other', 'nothing'],
    ['/a/json', 'nothing'],
    ['/peers/a%3A80', 'nothing'],
    ['/peers/a/remove', 'nothing'],
    ['/peers/%/down', 'nothing'],
    ['/x/peers/a/down', 'nothing'],
  ])('below the mount %s is %s', (url, to) => {
    expect(routeOf(url, 'below')).toEqual({ to })
  })

  it.each([
    ['/status', 'page'],
    ['/ops/status/', 'page'],
    ['/status/json', 'json'],
    ['/ops/status/events', 'events'],
  ])('where nobody knows the mount %s is %s', (url, to) => {
    expect(routeOf(url, 'unknown')).toEqual({ to })
  })

  it('finds the peer, a unix socket too', () => {
    const down = { to: 'control', action: 'down' }
    expect(routeOf('/peers/10.0.0.1:80/down', 'below')).toEqual({ ...down, peer: '10.0.0.1:80' })
    expect(routeOf('/status/peers/unix%3A%2Ftmp%2Fa/down', 'unknown')).toEqual({
      ...down,
      peer: 'unix:/tmp/a',
    })
  })
})

describe('crossSiteRefusal', () => {
  const of = (headers: Record<string, string>): string | undefined =>
    crossSiteRefusal({ headers } as unknown as IncomingMessage)
  const ours = { 'x-evenkeel': '1', host: 'status.example:8080' }

  it.each([
    [
      'the page',
      { ...ours, 'sec-fetch-site': 'same-origin', origin: 'http://status.example:8080' },
    ],
    [
      'the page behind a proxy that changes Host',
      { ...ours, 'sec-fetch-site': 'same-origin', origin: 'https://outside' },
    ],
    ['the page in an old browser', { ...ours, origin: 'http://status.example:8080' }],
    ['curl', ours],
    ['curl with JSON', { host: 'a', 'content-type': 'Application/JSON; charset=utf-8' }],
  ])('lets %s in', (_who, headers) => {
    expect(of(headers)).toBeUndefined()
  })

  it.each([
    ['another site', { ...ours, 'sec-fetch-site': 'cross-site' }],
    ['a sister', { ...ours, 'sec-fetch-site': 'same-site' }],
    ['a link', { ...ours, 'sec-fetch-site': 'none' }],
    ['another origin', { ...ours, origin: 'http://evil.example' }],
    ['another port', { ...ours, origin: 'http://status.example:8081' }],
    ['no origin to speak of', { ...ours, origin: 'null' }],
    ['no host', { 'x-evenkeel': '1', origin: 'http://a' }],
    ['a form', { host: 'a', 'content-type': 'application/x-www-form-urlencoded' }],
    ['a text that looks like JSON', { host: 'a', 'content-type': 'text/plain;application/json' }],
    ['nothing at all', { host: 'a' }],
  ])('refuses %s', (_who, headers) => {
    expect(of(headers)).toMatch(/another site|required/)
  })
})

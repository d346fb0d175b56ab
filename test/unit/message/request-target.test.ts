import { describe, expect, it } from 'vitest'
import { requestTarget } from '../../../src/message/request-target.js'

describe('requestTarget', () => {
  it.each([
    '/',
    '/a/../b//c?x=/?y&z',
    '//host/path',
    '/%00%2f%zz',
    '/\xe9\xff\x80',
    '/a\\b|"<>^`{}[]',
    '/?http://x',
    '/*',
  ])('leaves %j as it is', (target) => {
    for (const version of ['1.0', '1.1', '2.0']) {
      for (const method of ['GET', 'OPTIONS', 'get']) {
        expect(requestTarget(method, target, version)).toBe('as_is')
      }
    }
  })

  it.each([
    ['GET', 'http://a/b?c', '/b?c', 'a'],
    ['GET', 'HTTPS://A.b:8443/C', '/C', 'A.b:8443'],
    ['GET', 'http://[::1]:80', '/', '[::1]:80'],
    ['GET', 'hTTp://a/', '/', 'a'],
    ['POST', 'http://a?b/c', '/?b/c', 'a'],
    ['GET', 'http://a?', '/?', 'a'],
    ['OPTIONS', 'http://a', '*', 'a'],
    ['OPTIONS', 'http://a/', '/', 'a'],
    ['OPTIONS', 'http://a?b', '/?b', 'a'],
    ['GET', 'http://a//b/../c', '//b/../c', 'a'],
    ['GET', 'http://a/http://b', '/http://b', 'a'],
    ['GET', 'http://a/@b', '/@b', 'a'],
  ])('%s %s asks for %s at %s', (method, target, expected, authority) => {
    for (const version of ['1.0', '1.1']) {
      expect(requestTarget(method, target, version)).toEqual({ target: expected, authority })
    }
    expect(requestTarget(method, target, '2.0')).toBe('bad_target')
  })

  it('takes * with OPTIONS alone', () => {
    expect(requestTarget('OPTIONS', '*', '1.1')).toBe('as_is')
    expect(requestTarget('OPTIONS', '*', '2.0')).toBe('as_is')
    expect(requestTarget('GET', '*', '1.1')).toBe('bad_target')
    expect(requestTarget('OPTIONS', '*/', '1.1')).toBe('bad_target')
  })

  it.each([
    '',
    'a',
    'a:80',
    '?a',
    'http:/a',
    'http:a',
    'http://',
    'http:///a',
    'http://:80/',
    'http://u@a/',
    'http://u:p@a/',
    'http://a\\@b/',
    'http://a"b/',
    'http://\xe9/',
    'ftp://a/',
    'ws://a/',
    'xhttp://a/',
    '/a#b',
    'http://a#b',
    '/a b',
    '/a\tb',
    '/a\r\nb',
    '/a\0',
    '/a\x7f',
    '/\u0100',
    ' /a',
  ])('refuses %j', (target) => {
    expect(requestTarget('GET', target, '1.1')).toBe('bad_target')
    expect(requestTarget('OPTIONS', target, '2.0')).toBe('bad_target')
  })

  it('knows CONNECT', () => {
    expect(requestTarget('CONNECT', 'a:443', '1.1')).toBe('connect')
    expect(requestTarget('CONNECT', '', '2.0')).toBe('connect')
    expect(requestTarget('connect', 'a:443', '1.1')).toBe('bad_target')
  })
})

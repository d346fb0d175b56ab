import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { AccessReader } from '../../../src/doctor/access-reader.js'
import { LineReader } from '../../../src/doctor/line-reader.js'
import { COMBINED, parseLogFormat } from '../../../src/observe/log-format.js'

function read(format: string, line: string, escape: 'default' | 'json' | 'none' = 'default') {
  const reader = new LineReader(parseLogFormat(format), escape)
  if (!reader.read(line)) return undefined
  return Object.fromEntries(
    reader.variables.map((name) => [name, reader.value(reader.slotOf(name))]),
  )
}

describe('any format', () => {
  it('combined', () => {
    const line =
      '10.1.2.3 - ali [12/Nov/2026:10:11:12 +0100] "GET /a?b=\\x22c\\x22 HTTP/1.1" 502 157 "-" "curl/8 (\\xC3\\xA4)"'
    expect(read(COMBINED, line)).toMatchObject({
      remote_addr: '10.1.2.3',
      remote_user: 'ali',
      time_local: '12/Nov/2026:10:11:12 +0100',
      request: 'GET /a?b="c" HTTP/1.1',
      status: '502',
      http_user_agent: 'curl/8 (\u00c3\u00a4)',
    })
  })

  it('lists between blanks: what is a list is known', () => {
    const format = '$status $upstream_addr $upstream_status $upstream_response_time $request_time'
    const line =
      '502 10.0.0.1:80, example : unix:/run/a.sock 500, 502 : 502 0.001, 0.000 : 0.500 0.501'
    expect(read(format, line)).toEqual({
      status: '502',
      upstream_addr: '10.0.0.1:80, example : unix:/run/a.sock',
      upstream_status: '500, 502 : 502',
      upstream_response_time: '0.001, 0.000 : 0.500',
      request_time: '0.501',
    })
  })

  it('lists with commas between them', () => {
    const format = '$upstream_addr, $upstream_status, $request_time'
    expect(read(format, '10.0.0.1:80, b, 500, 502, 0.100')).toEqual({
      upstream_addr: '10.0.0.1:80, b',
      upstream_status: '500, 502',
      request_time: '0.100',
    })
  })

  it('a user agent and a request without quotes', () => {
    const format = '$time_local $request $http_user_agent $status $upstream_status'
    const line = '12/Nov/2026:10:11:12 +0000 GET /a b HTTP/1.1 Mozilla 5.0 200 x 502 500, 502'
    expect(read(format, line)).toMatchObject({
      status: '502',
      upstream_status: '500, 502',
    })
  })

  it('escape=json: what nginx does not have is empty', () => {
    const format = '{"status":$status,"to":"$upstream_addr","says":"$upstream_status"}'
    expect(read(format, '{"status":301,"to":"","says":""}', 'json')).toMatchObject({
      status: '301',
      upstream_addr: '',
      upstream_status: '',
    })
  })

  it('escape=json: a quote within a value does not end it', () => {
    const format = '{"request":"$request","agent":"$http_user_agent","status":$status}'
    const line = '{"request":"GET /\\",\\"status\\":200} HTTP/1.1","agent":"a\\\\","status":502}'
    expect(read(format, line, 'json')).toEqual({
      request: 'GET /","status":200} HTTP/1.1',
      http_user_agent: 'a\\',
      status: '502',
    })
  })

  it('escape=json: a quote within a value, and what follows it, as in the format', () => {
    const format = '{"agent":"$http_user_agent",$status}'
    expect(read(format, '{"agent":"a\\",200}",502}', 'json')).toEqual({
      http_user_agent: 'a",200}',
      status: '502',
    })
  })

  it('variables side by side', () => {
    expect(read('$scheme://$host$request_uri $status', 'https://a.test/x?y 200')).toEqual({
      scheme: 'https',
      host: 'a.test',
      request_uri: '/x?y',
      status: '200',
    })
    expect(read('$uri$is_args$args|$status', '/x?y=1|200')).toMatchObject({ uri: '/x' })
  })

  it('the same variable twice, none, text before and after', () => {
    expect(read('>$status-$status<', '>200-200<')).toEqual({ status: '200' })
    expect(read('nothing', 'nothing')).toEqual({})
    expect(read('[$status]', '[200] ')).toBeUndefined()
    expect(read('[$status]', '{200]')).toBeUndefined()
    expect(read('$status $pid', 'abc 1')).toBeUndefined()
  })

  it('hostile lines cost little', () => {
    const format = Array.from({ length: 12 }, (_, i) => `$arg_a${i} `).join('') + '$status'
    const line = `${'a '.repeat(30_000)}x`
    const looks = vi.spyOn(String.prototype, 'indexOf')
    onTestFinished(() => void vi.restoreAllMocks())
    expect(read(format, line)).toBeUndefined()
    expect(looks.mock.calls.length).toBeLessThan(1000)
  })
})

describe('requests', () => {
  const tabs = '$msec\t$status\t$request\t$upstream_addr\t$upstream_status\t$upstream_header_time'

  it('time, status, method and path', () => {
    const reader = new AccessReader(tabs)
    expect(reader.read('1800000000.123\t502\tGET /a/b?c=d HTTP/1.1\t-\t-\t-')).toBe(true)
    expect(reader).toMatchObject({
      time: 1_800_000_000_123,
      status: 502,
      method: 'GET',
      path: '/a/b',
    })
    expect(reader.attempts()).toEqual([])
    expect(reader.read('1800000000.123\tabc\tGET / HTTP/1.1\t-\t-\t-')).toBe(false)
  })

  it.each([
    ['$time_local', '12/Nov/2026:10:11:12 +0130', '2026-11-12T08:41:12Z', 5_400_000],
    ['$time_iso8601', '2026-11-12T10:11:12-02:00', '2026-11-12T12:11:12Z', -7_200_000],
  ])('%s has a zone', (variable, text, utc, offset) => {
    const reader = new AccessReader(`${variable}|$status`)
    expect(reader.read(`${text}|200`)).toBe(true)
    expect(reader.time).toBe(Date.parse(utc))
    expect(reader.offset).toBe(offset)
  })

  it('attempts: one for each entry, rounds where nginx began again', () => {
    const reader = new AccessReader(tabs)
    reader.read('1800000000\t502\tx\t10.0.0.1:80, b : 10.0.0.2:80\t500, 502 : 504\t0.001, - : -')
    expect(
      reader
        .attempts()
        .map(({ peer, status, headerTime, round }) => [peer, status, headerTime, round]),
    ).toEqual([
      ['10.0.0.1:80', 500, 1, 0],
      ['b', 502, -1, 0],
      ['10.0.0.2:80', 504, -1, 1],
    ])
  })

  it('a format without a time or a status is refused', () => {
    expect(() => new AccessReader('$status')).toThrow(/time/)
    expect(() => new AccessReader('$msec')).toThrow(/status/)
  })
})

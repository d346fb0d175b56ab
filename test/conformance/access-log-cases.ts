/** Requests of all kinds, byte for byte as the client sends them. */

/** What a peer does; see `answerOf` of the test. */
export type Act =
  | 'ok'
  | 'chunked'
  | 'big'
  | 'bigChunked'
  | '204'
  | '304'
  | '302'
  | '404'
  | '500'
  | '503'
  | 'hang'
  | 'half'
  | 'halfReset'
  | 'badChunk'
  | 'stall'
  | 'reset'
  | 'close'
  | 'hugeHeader'
  | 'switch'

export interface Case {
  readonly name: string
  /** What peer A and peer B do. Default both `ok`. */
  readonly acts?: readonly [Act, Act?]
  readonly method?: string
  /** Behind `/both`, or the whole target when it begins with something else than `/` or `?`. Default empty. */
  readonly path?: string
  /**
   * `both`: two peers; `one`: the first of them; `impatient`: both, with a short timeout; `refused`: two that refuse; `dead`:
   * all are marked. Default `both`.
   */
  readonly to?: 'both' | 'one' | 'impatient' | 'refused' | 'dead'
  readonly version?: '1.0' | '1.1'
  /** Default `example.com`. */
  readonly host?: string
  /** Lines behind `Host`; latin1. `null`: not even `Host`. */
  readonly fields?: readonly string[] | null
  readonly body?: string
  /** The client leaves: when a peer has its request, or with the first byte of the response. */
  readonly leaves?: 'asked' | 'answered'
  /** Sent on the connection after a 101; the client leaves when it has it back. */
  readonly talk?: string
  /** Requests on one connection, one after the other, or all at once. */
  readonly times?: number
  readonly pipelined?: true
  /** Why the error log cannot say the same. */
  readonly errorsDiffer?: string
  /** Fields that cannot be equal, by reason. */
  readonly differs?: Readonly<Record<string, readonly string[]>>
}

const ERROR_PAGE = {
  'the error page is not the same': [
    'body_bytes_sent',
    'sent_http_content_type',
    'sent_http_content_length',
  ],
}
const FRAMING = {
  'nginx counts the framing of chunks': ['upstream_response_length'],
}
const KEPT = {
  'nginx forgets that it keeps a connection before it writes the line (`ngx_http_set_keepalive`)': [
    'sent_http_connection',
  ],
}
const LEFT = {
  'the client has left: whether the connection would have been kept is not asked for': [
    'sent_http_connection',
  ],
}
const HELD_BACK = {
  'nginx has held back what had come of the body': ['body_bytes_sent'],
}
const b64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64')

export const CASES: readonly Case[] = [
  { name: 'GET' },
  { name: 'HEAD', method: 'HEAD' },
  { name: 'HEAD of a chunked one', method: 'HEAD', acts: ['chunked', 'chunked'] },
  { name: 'DELETE', method: 'DELETE' },
  { name: 'OPTIONS', method: 'OPTIONS' },
  { name: 'PUT with a body', method: 'PUT', body: 'put body' },
  {
    name: 'PATCH with a body',
    method: 'PATCH',
    body: '{"a":1}',
    fields: ['Content-Type: application/json'],
  },
  {
    name: 'POST with a body',
    method: 'POST',
    body: 'a=1&b=2',
    fields: ['Content-Type: application/x-www-form-urlencoded'],
  },
  {
    name: 'POST with a chunked body',
    method: 'POST',
    fields: ['Transfer-Encoding: chunked'],
    body: '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n',
    differs: { 'nginx counts what it has read of the body': ['content_length'] },
  },
  {
    name: 'POST that waits for a 100',
    method: 'POST',
    fields: ['Expect: 100-continue'],
    body: 'a=1&b=2',
  },
  { name: 'POST of nothing', method: 'POST', fields: ['Content-Length: 0'] },
  { name: 'HTTP/1.0', version: '1.0' },
  { name: 'HTTP/1.0 without Host', version: '1.0', fields: null },
  {
    name: 'HTTP/1.0 of a chunked one',
    version: '1.0',
    acts: ['chunked', 'chunked'],
    differs: FRAMING,
  },
  { name: 'no fields but Host', fields: [] },
  { name: 'a chunked body', acts: ['chunked', 'chunked'], differs: FRAMING },
  { name: 'a big body', acts: ['big', 'big'] },
  {
    name: 'a big chunked body',
    acts: ['bigChunked', 'bigChunked'],
    differs: { ...FRAMING, 'chunks are cut otherwise': ['body_bytes_sent'] },
  },
  { name: '204', acts: ['204', '204'] },
  { name: '304', acts: ['304', '304'], fields: ['If-None-Match: "abc"'] },
  { name: '302', acts: ['302', '302'] },
  { name: '404', acts: ['404', '404'] },
  { name: '500 of one peer', to: 'one', acts: ['500'] },
  { name: '503 of a POST', method: 'POST', body: 'x', acts: ['503', '503'] },
  { name: 'a retry after 503', acts: ['503', 'ok'] },
  { name: 'a retry after a reset', acts: ['reset', 'ok'] },
  { name: 'a retry after a FIN', acts: ['close', 'ok'] },
  { name: 'a retry after a timeout', to: 'impatient', acts: ['hang', 'ok'] },
  {
    name: 'a retry after too big a header',
    acts: ['hugeHeader', 'ok'],
    differs: { 'how much of it had come is chance': ['upstream_bytes_received'] },
  },
  { name: 'two of two fail', acts: ['reset', 'close'], differs: ERROR_PAGE },
  { name: 'two timeouts: 504', to: 'impatient', acts: ['hang', 'hang'], differs: ERROR_PAGE },
  {
    name: 'a POST that may not be repeated',
    method: 'POST',
    body: 'x',
    acts: ['reset', 'reset'],
    differs: ERROR_PAGE,
  },
  { name: 'two refuse: 502', to: 'refused', differs: ERROR_PAGE },
  { name: 'nobody is live: 502', to: 'dead', differs: ERROR_PAGE },
  { name: 'nobody is live, HEAD', to: 'dead', method: 'HEAD', differs: ERROR_PAGE },
  { name: 'death in the body', acts: ['half', 'half'] },
  { name: 'a reset in the body', acts: ['halfReset', 'halfReset'], differs: HELD_BACK },
  {
    name: 'a timeout in the body',
    to: 'impatient',
    acts: ['stall', 'stall'],
    differs: HELD_BACK,
  },
  {
    name: 'a chunk that is none',
    acts: ['badChunk', 'badChunk'],
    differs: { ...HELD_BACK, ...FRAMING },
  },
  {
    name: 'the client leaves when a peer is asked',
    acts: ['hang', 'hang'],
    leaves: 'asked',
    differs: LEFT,
  },
  {
    name: 'the client leaves in the body',
    to: 'impatient',
    acts: ['stall', 'stall'],
    leaves: 'answered',
    errorsDiffer: 'nginx, which has held the body back, does not see that the client has left',
    differs: {
      ...LEFT,
      'nginx has held back what had come of the body': ['body_bytes_sent', 'request_completion'],
    },
  },
  { name: 'arguments', path: '?a=1&b=&a=2&long' },
  { name: 'arguments in other case', path: '?xa=0&A=up%20per&arg_a=3' },
  { name: 'an empty query', path: '?' },
  { name: 'dots and slashes', path: '/a/./b//c/../d%2e/%2E%2e/e/' },
  { name: 'encoded bytes', path: '/a%20b/%C3%A9/%22%5c%7f%25?x=%22' },
  { name: 'odd bytes in the target', path: '/"quoted"/\\back/~{}|?q="\'' },
  { name: 'a percent-encoded question mark', path: '/what%3Fa=1?a=2' },
  {
    name: 'an absolute target',
    path: 'http://Other.Example:8080/both/abs?a=1',
  },
  {
    name: 'an absolute target, refused',
    to: 'refused',
    path: 'http://Other.Example/refused/abs?a=1',
    differs: ERROR_PAGE,
  },
  {
    name: 'odd bytes in fields',
    fields: ['User-Agent: "x" \\ \té\xff', 'X-Odd: a\x80b"\\', 'Referer: http://r/?"q"'],
  },
  {
    name: 'long fields',
    fields: [`X-Long: ${'long '.repeat(300)}end`],
    path: `?long=${'y'.repeat(1000)}`,
  },
  { name: 'an empty field', fields: ['X-Odd: ', 'User-Agent: '] },
  { name: 'cookies', fields: ['Cookie: a=1; session=S"1; SESSION=2'] },
  { name: 'cookies behind commas', fields: ['Cookie: a=1,session=2,b=3; session=4'] },
  { name: 'cookies without that one', fields: ['Cookie: xsession=1; other'] },
  { name: 'basic auth', fields: [`Authorization: Basic ${b64('joe:secret')}`] },
  { name: 'basic auth with odd bytes', fields: [`Authorization: basic ${b64('j"o\n\xe9:x')}`] },
  { name: 'broken basic auth', fields: ['Authorization: Basic %%%'] },
  { name: 'basic auth without a name', fields: [`Authorization: Basic ${b64(':x')}`] },
  { name: 'X-Forwarded-For', fields: ['X-Forwarded-For: 10.1.1.1, 10.2.2.2'] },
  { name: 'Host with port, in capitals', host: 'Example.COM.:8080' },
  { name: 'three on one connection', times: 3, differs: KEPT },
  { name: 'three at once', times: 3, pipelined: true, differs: KEPT },
  {
    name: 'an upgrade',
    to: 'impatient',
    acts: ['switch', 'switch'],
    fields: ['Connection: Upgrade', 'Upgrade: echo'],
    talk: 'hello there',
    differs: { 'written in another case': ['sent_http_connection'] },
  },
]

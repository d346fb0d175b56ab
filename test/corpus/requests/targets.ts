/** Request targets (RFC 9112 section 3.2). */
import { x } from '../bytes.js'
import { declined, dropped, refused, request, seen, served } from '../request-case.js'
import type { RequestCase, RequestOutcome } from '../request-case.js'

type Outcomes = RequestOutcome | readonly RequestOutcome[]

function get(
  name: string,
  target: string,
  outcomes: Outcomes,
  fields?: Readonly<Record<string, string | null>>,
): RequestCase {
  const more = fields === undefined ? {} : { fields }
  return request(name, `GET ${target} HTTP/1.1\r\nHost: site\r\n\r\n`, outcomes, more)
}

/** Goes on byte for byte. */
const asItIs = (target: string): RequestCase => get(target, target, served(`GET ${target}`))
const bad = [...refused(400), ...declined(400)]

export const targets: readonly RequestCase[] = [
  ...['/', '/?', '/a?', '/a??b', '//a//b', '/../../etc/passwd', '/a/./b', '/a;b=c', '/%2e%2e/%00'],
  ...['/%', '/%zz', '/a:80', '/a@b', '/http://evil/', "/(a)*!$'", '/{a}|"<b>`^', '/a?b=[c]'],
].map((item) => asItIs(item))

export const oddTargets: readonly RequestCase[] = [
  get('a backslash', '/a\\..\\b', [served('GET /a\\..\\b'), ...bad]),
  get('a fragment', '/case#part', [served('GET /case#part'), served('GET /case'), ...bad]),
  get('a space', '/a b', bad),
  get('a space and what looks like a version', '/a HTTP/1.1 b', bad),
  get('a tab', '/a\tb', bad),
  get('a NUL', '/a\x00b', bad),
  get('a control character', '/a\x01b', bad),
  get('a vertical tab', '/a\x0bb', bad),
  get('a form feed', '/a\x0cb', bad),
  get('DEL', '/a\x7fb', bad),
  get('a bare CR', '/a\rb', bad),
  get('a bare LF', '/a\nb', bad),
  get('8-bit bytes', '/caf\xe9/\xff', [served('GET /caf\xe9/\xff'), ...bad]),
  get('8-bit bytes in the query', '/a?\xe9', [served('GET /a?\xe9'), ...bad]),
  get('no slash', 'case', bad),
  get('a query and no path', '?a', bad),
  get('two dots', '..', bad),
  get('a target of 8 kB', `/${x(8000)}`, served(`GET /${x(8000)}`)),
  get('a target of 20 kB', `/${x(20_000)}`, refused(414, 431)),
  get('a target of 100 kB', `/${x(100_000)}`, refused(414, 431)),
  get('a query of 100 kB', `/?${x(100_000)}`, refused(414, 431)),

  // A gateway may shorten it to the path, and the authority of the target is the host, whatever Host says.
  get(
    'an absolute form',
    'http://site/case?a',
    [served('GET http://site/case?a'), served('GET /case?a')],
    { host: 'site' },
  ),
  get(
    'an absolute form of another host',
    'http://other:81/case',
    [served('GET http://other:81/case'), served('GET /case'), ...bad],
    { host: 'other:81' },
  ),
  get(
    'an absolute form without a path',
    'http://other',
    [served('GET http://other'), served('GET /'), ...bad],
    { host: 'other' },
  ),
  get(
    'an absolute form with a query and no path',
    'http://other?a',
    [served('GET http://other?a'), served('GET /?a'), ...bad],
    { host: 'other' },
  ),
  get(
    'an absolute form in upper case',
    'HTTP://OTHER/case',
    [served('GET HTTP://OTHER/case'), served('GET /case'), ...bad],
    { host: 'OTHER' },
  ),
  get('an absolute form with user information', 'http://user@other/case', bad),
  get('an absolute form with a password', 'http://a:b@other/', bad),
  get('an absolute form without a host', 'http:///case', bad),
  get('an absolute form with a port alone', 'http://:80/case', bad),
  get('an absolute form with a backslash', 'http://other\\@site/case', bad),
  get('an absolute form with a fragment in the host', 'http://site#@other/case', bad),
  get('an absolute form with an 8-bit host', 'http://\xe9/case', bad),
  get('an absolute form of one slash', 'http:/other/case', bad),
  get('http: alone', 'http:', bad),
  get(
    'https in the absolute form, over plain TCP',
    'https://other/case',
    [served('GET https://other/case'), served('GET /case'), ...bad, ...declined(421)],
    { host: 'other' },
  ),
  get(
    'another scheme',
    'ftp://other/case',
    [served('GET ftp://other/case'), served('GET /case'), ...bad, ...declined(421)],
    { host: 'other' },
  ),
  get('a scheme that runs a script', 'javascript:alert(1)', bad),
  get('file', 'file:///etc/passwd', bad),
  get('an authority form', 'other:80', bad),
  get('an asterisk with GET', '*', bad),
  get('an asterisk and more', '*/case', bad),
  request(
    'an asterisk with OPTIONS',
    'OPTIONS * HTTP/1.1\r\nHost: site\r\n\r\n',
    served('OPTIONS *'),
  ),
  request(
    'OPTIONS of a path',
    'OPTIONS /case HTTP/1.1\r\nHost: site\r\n\r\n',
    served('OPTIONS /case'),
  ),
  request('an asterisk with POST', 'POST * HTTP/1.1\r\nHost: site\r\nContent-Length: 0\r\n\r\n', [
    ...bad,
  ]),
  ...connects(),
]

/** There is no tunnel here (RFC 9110 section 9.3.6). */
function connects(): RequestCase[] {
  const none = [dropped, ...refused(400, 405, 501), ...declined(405, 501), seen('closed')]
  return [
    request('CONNECT', 'CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n', none),
    request(
      'CONNECT with a request behind it',
      'CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: site\r\n\r\n',
      none,
    ),
    request('CONNECT of a path', 'CONNECT /case HTTP/1.1\r\nHost: site\r\n\r\n', none),
    request(
      'CONNECT with a body',
      'CONNECT other:1 HTTP/1.1\r\nHost: site\r\nContent-Length: 5\r\n\r\nhello',
      [...none],
    ),
  ]
}

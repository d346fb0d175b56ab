/** Host (RFC 9112 section 3.2): a request with none, several, or one that is no host is answered 400. */
import { declined, refused, request, served } from '../request-case.js'
import type { RequestCase, RequestOutcome } from '../request-case.js'

const one = served('GET /case')
const bad = [...refused(400), ...declined(400)]

function host(
  name: string,
  lines: string,
  outcomes: RequestOutcome | readonly RequestOutcome[],
  got?: string,
): RequestCase {
  const more = got === undefined ? {} : { fields: { host: got } }
  return request(name, `GET /case HTTP/1.1\r\n${lines}\r\n`, outcomes, more)
}

export const hosts: readonly RequestCase[] = [
  host('a name with a port', 'Host: site:8080\r\n', one, 'site:8080'),
  host('a name in upper case', 'HOST: SITE\r\n', one, 'SITE'),
  host('an IPv4 address', 'Host: 127.0.0.1:80\r\n', one, '127.0.0.1:80'),
  host('an IPv6 address', 'Host: [::1]:80\r\n', one, '[::1]:80'),
  host('a name with a dot at its end', 'Host: site.\r\n', one, 'site.'),
  host('a name and a colon', 'Host: site:\r\n', one),
  host('no Host', '', bad),
  host('an empty Host', 'Host:\r\n', [one, ...bad]),
  host('an empty Host with spaces', 'Host:   \r\n', [one, ...bad]),
  host('two equal Hosts', 'Host: site\r\nHost: site\r\n', bad),
  host('two different Hosts', 'Host: site\r\nHost: evil\r\n', bad),
  host('Host in two cases', 'Host: site\r\nhost: evil\r\n', bad),
  host('an empty Host and another', 'Host:\r\nHost: evil\r\n', bad),
  host('a Host and an empty one', 'Host: site\r\nHost:\r\n', bad),
  host('three Hosts', 'Host: a\r\nHost: b\r\nHost: c\r\n', bad),
  host('a list of hosts', 'Host: site, evil\r\n', bad),
  host('a space in it', 'Host: site evil\r\n', bad),
  host('a tab in it', 'Host: site\tevil\r\n', bad),
  host('a slash in it', 'Host: site/evil\r\n', bad),
  host('a path', 'Host: site/../evil\r\n', bad),
  host('a whole URL', 'Host: http://site/\r\n', bad),
  host('a backslash in it', 'Host: site\\evil\r\n', bad),
  host('user information', 'Host: user@site\r\n', bad),
  host('a query', 'Host: site?evil\r\n', bad),
  host('a fragment', 'Host: site#evil\r\n', bad),
  host('quotes', 'Host: "site"\r\n', bad),
  host('angle brackets', 'Host: <site>\r\n', bad),
  host('8-bit bytes', 'Host: s\xeft\xe9\r\n', bad),
  host('a NUL', 'Host: site\x00.evil\r\n', bad),
  host('a control character in it', 'Host: site\x01\r\n', bad),
  host('a port that is no number', 'Host: site:http\r\n', bad),
  host('a negative port', 'Host: site:-80\r\n', bad),
  host('two ports', 'Host: site:80:81\r\n', bad),
  host('a port and user information', 'Host: site:80@evil\r\n', bad),
  host('a port alone', 'Host: :80\r\n', bad),
  host('an IPv6 address without brackets', 'Host: ::1\r\n', bad),
  host('a bracket that is not closed', 'Host: [::1\r\n', bad),
  host('a bracket that is not opened', 'Host: ::1]\r\n', bad),
  host('words behind a bracket', 'Host: [::1]evil\r\n', bad),
  host('braces', 'Host: {site}\r\n', bad),
  host('a broken escape', 'Host: si%zzte\r\n', bad),
  host('a name of 8 kB', `Host: ${'a'.repeat(8000)}\r\n`, [one, ...bad]),
  host('a space before the colon of Host', 'Host : site\r\n', bad),
  host('X-Forwarded-Host is no Host', 'Host: site\r\nX-Forwarded-Host: evil\r\n', one, 'site'),
  request(
    'two Hosts in HTTP/1.0',
    'GET /case HTTP/1.0\r\nHost: site\r\nHost: evil\r\n\r\n',
    refused(400),
  ),
  request(
    'an absolute form with two Hosts',
    'GET http://site/case HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    [...bad],
  ),
  request('an absolute form without Host', 'GET http://site/case HTTP/1.1\r\n\r\n', bad),
]

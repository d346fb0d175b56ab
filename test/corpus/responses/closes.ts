/** The peer ends the connection, in order or not, at each place; or speaks before it was asked. */
import { delivered, ended, failed, failedForGood, response } from '../response-case.js'
import type { ResponseCase } from '../response-case.js'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
const HEAD_END = OK.indexOf('\r\n\r\n') + 4
const late = delivered('200 hello', 'retired')

/** Cut behind so many bytes. */
const PLACES: readonly (readonly [string, number])[] = [
  ['before the first byte', 0],
  ['behind the first byte', 1],
  ['in the version', 6],
  ['behind the version', 8],
  ['in the status', 11],
  ['behind the status', 12],
  ['in the reason', 14],
  ['behind the CR of the status line', 16],
  ['behind the status line', 17],
  ['in a name', 20],
  ['behind a colon', 32],
  ['behind a value', 34],
  ['before the empty line', HEAD_END - 2],
  ['in the empty line', HEAD_END - 1],
]

export const closes: readonly ResponseCase[] = [
  ...(['fin', 'reset'] as const).flatMap((then) => [
    ...PLACES.map(([where, bytes]) =>
      response(`${then} ${where}`, OK.slice(0, bytes), ended, { then }),
    ),
    response(
      `${then} behind the head`,
      OK.slice(0, HEAD_END),
      [...failed('http_response_incomplete', 'connection_terminated')],
      { then },
    ),
    response(
      `${then} in the body`,
      OK.slice(0, -1),
      [...failed('http_response_incomplete', 'connection_terminated')],
      { then },
    ),
    response(`${then} behind the body`, OK, late, { then }),
    response(`${then} behind the body, in two pieces`, [OK.slice(0, -2), OK.slice(-2)], late, {
      then,
    }),
    response(
      `${then} instead of an answer to a POST`,
      '',
      [...failedForGood('connection_terminated', 'http_response_incomplete')],
      { then, asked: 'POST' },
    ),
    response(
      `${then} in the body of an answer to a POST`,
      OK.slice(0, -1),
      [...failedForGood('http_response_incomplete', 'connection_terminated')],
      { then, asked: 'POST' },
    ),
    response(`${then} at once, before the request`, '', ended, { then, at: 'connection' }),
    response(`${then} behind a response that nobody asked for`, OK, [late, ...ended], {
      then,
      at: 'connection',
    }),
  ]),
  // RFC 9110 section 15.5.9: a 408 may come before the request.
  response('a response before the request, and one behind it', OK, late, { at: 'connection' }),
  response('a response before the body of the request', OK, delivered('200 hello', 'either'), {
    at: 'head',
    asked: 'POST',
  }),
  response(
    'a 503 framed by the end',
    'HTTP/1.1 503 Busy\r\n\r\nbusy',
    [{ alone: '503 busy', withSpare: '200 spare GET /case 0', connection: 'retired' }],
    { then: 'fin' },
  ),
  response(
    'a 503 that is cut',
    'HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nbus',
    [...failed('http_response_incomplete')],
    { then: 'fin' },
  ),
]

/** A check by a request: a response with the right status, and the right words in it. */
import { request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { HttpCheckConfig } from '../config/types.js'
import { lineOf } from '../message/response-headers.js'
import { hostOf } from '../transport/outgoing-fields.js'
import type { Peer } from '../upstream/peer.js'
import { resultOf } from './check.js'
import type { CheckRun, StartCheck } from './check.js'
import type { ConnectOptions } from './connection-probe.js'

export interface HttpCheckParts {
  readonly config: HttpCheckConfig
  /** Undefined: the peer's own. */
  readonly port: number | undefined
  /** The field in which a peer tells of its load. */
  readonly feedback: string | undefined
  readonly optionsOf: (peer: Peer) => ConnectOptions
}

/** Bytes of a response's head. */
const MAX_HEAD = 16 * 1024

export function httpCheck(parts: HttpCheckParts): StartCheck {
  const { config, feedback } = parts
  return (peer, run) => {
    const send = peer.protocol === 'https:' ? httpsRequest : httpRequest
    const request = send(requestOptions(peer, parts))
    // A check is nothing to keep a process alive for.
    request.on('socket', (socket) => socket.unref())
    request.on('response', (response) => {
      const said = feedback === undefined ? undefined : lineOf(response.rawHeaders, feedback)
      // It may be destroyed before its end: that says nothing then.
      response.on('error', () => {
        run.end(resultOf('error', said))
      })
      if (!isExpected(config.statuses, response.statusCode)) run.end(resultOf('status', said))
      else if (config.body === undefined) run.end(resultOf('passed', said))
      else readBody(response, config.body, config.bodyLimit, run, said)
    })
    request.on('upgrade', (response: IncomingMessage, socket) => {
      socket.destroy()
      const isFine = config.body === undefined && isExpected(config.statuses, response.statusCode)
      run.end(resultOf(isFine ? 'passed' : 'status'))
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      run.end(resultOf(isParseError(error) ? 'invalid_header' : 'error'))
    })
    request.on('close', () => {
      run.end(resultOf('error'))
    })
    request.end()
    return () => {
      destroy(request)
    }
  }
}

function requestOptions(
  peer: Peer,
  { config, port, optionsOf }: HttpCheckParts,
): RequestOptions & ConnectOptions {
  const { socketPath } = peer
  return {
    ...optionsOf(peer),
    ...(socketPath === undefined
      ? { host: peer.hostname, port: port ?? peer.port }
      : { socketPath }),
    method: config.method,
    path: config.path,
    agent: false,
    maxHeaderSize: MAX_HEAD,
    setHost: false,
    headers: {
      host: config.host ?? hostOf(peer),
      'user-agent': 'evenkeel-health-check',
      ...config.headers,
      connection: 'close',
    },
  }
}

function isExpected(statuses: HttpCheckConfig['statuses'], status = 0): boolean {
  return statuses.some(([from, to]) => status >= from && status <= to)
}

/** Looked for once, in all that there is or in as much as may be read. */
function readBody(
  response: IncomingMessage,
  wanted: string | RegExp,
  limit: number,
  run: CheckRun,
  said: string | undefined,
): void {
  const chunks: Buffer[] = []
  let size = 0
  const judge = (): void => {
    if (run.over) return
    const text = Buffer.concat(chunks).subarray(0, limit).toString()
    run.end(resultOf(isIn(text, wanted) ? 'passed' : 'body', said))
  }
  response.on('data', (chunk: Buffer) => {
    if (run.over) return
    chunks.push(chunk)
    size += chunk.length
    if (size >= limit) judge()
  })
  response.on('end', judge)
}

function isIn(text: string, wanted: string | RegExp): boolean {
  if (typeof wanted === 'string') return text.includes(wanted)
  // A sticky expression goes on where it was.
  wanted.lastIndex = 0
  return wanted.test(text)
}

function isParseError({ code }: NodeJS.ErrnoException): boolean {
  return code?.startsWith('HPE_') === true
}

function destroy(request: ClientRequest): void {
  request.destroy()
}

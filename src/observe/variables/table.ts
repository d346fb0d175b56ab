/** All variables of log formats by their names, and those that there cannot be. */
import {
  REQUEST_VARIABLES,
  requestArgument,
  requestCookie,
  requestField,
} from './request-variables.js'
import { RESPONSE_VARIABLES, sentField, sentTrailer } from './response-variables.js'
import { TLS_VARIABLES } from './tls-variables.js'
import {
  UPSTREAM_VARIABLES,
  upstreamCookie,
  upstreamField,
  upstreamTrailer,
} from './upstream-variables.js'
import { plain } from './variable.js'
import type { LogVariable, VariableFamily, VariableTable } from './variable.js'

const none = plain(() => undefined)

const VARIABLES: VariableTable = Object.freeze({
  ...REQUEST_VARIABLES,
  ...RESPONSE_VARIABLES,
  ...UPSTREAM_VARIABLES,
  ...TLS_VARIABLES,
  // As in an nginx in which nothing of the kind has happened.
  gzip_ratio: none,
  limit_req_status: none,
  limit_conn_status: none,
  proxy_protocol_addr: none,
  proxy_protocol_port: none,
  proxy_protocol_server_addr: none,
  proxy_protocol_server_port: none,
})

/** Longest prefixes first. */
const FAMILIES: Readonly<Record<string, VariableFamily>> = Object.freeze({
  upstream_http_: upstreamField,
  upstream_cookie_: upstreamCookie,
  upstream_trailer_: upstreamTrailer,
  sent_trailer_: sentTrailer,
  sent_http_: sentField,
  cookie_: requestCookie,
  http_: requestField,
  arg_: requestArgument,
})

const FILES = 'belongs to files, and there are none'
const KERNEL = 'is not known to Node'

/** Variables of nginx that there cannot be here. */
const REFUSED: Readonly<Record<string, string>> = Object.freeze({
  binary_remote_addr: 'is not for logs: use $remote_addr',
  document_root: FILES,
  realpath_root: FILES,
  request_filename: FILES,
  request_body: 'is not kept: bodies are passed on',
  request_body_file: 'is not kept: bodies are passed on',
  limit_rate: 'is an option here (limitRate)',
  nginx_version: 'is that of nginx',
  tcpinfo_rtt: KERNEL,
  tcpinfo_rttvar: KERNEL,
  tcpinfo_snd_cwnd: KERNEL,
  tcpinfo_rcv_space: KERNEL,
  ssl_ciphers: KERNEL,
  ssl_curve: KERNEL,
  ssl_curves: KERNEL,
  ssl_sigalg: KERNEL,
  ssl_session_id: KERNEL,
  ssl_client_cert: 'is too long for a log: use $ssl_client_fingerprint',
  ssl_client_raw_cert: 'is too long for a log: use $ssl_client_fingerprint',
  ssl_client_escaped_cert: 'is too long for a log: use $ssl_client_fingerprint',
  ssl_client_v_remain: 'is not known here: use $ssl_client_v_end',
})

/** Names for suggestions. */
export const VARIABLE_NAMES: readonly string[] = Object.freeze(Object.keys(VARIABLES))

/** The variable; a text for why there cannot be one; undefined for a name that nobody knows. In any case, as in nginx. */
export function variableOf(name: string): LogVariable | string | undefined {
  const wanted = name.toLowerCase()
  if (Object.hasOwn(VARIABLES, wanted)) return VARIABLES[wanted]
  if (Object.hasOwn(REFUSED, wanted)) return REFUSED[wanted]
  for (const [prefix, family] of Object.entries(FAMILIES)) {
    if (wanted.startsWith(prefix) && wanted.length > prefix.length)
      return family(wanted.slice(prefix.length))
  }
  return undefined
}

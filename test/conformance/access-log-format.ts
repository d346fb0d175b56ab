/** One log format for nginx and for us, and how its lines are compared. */

/** Must be equal, character for character. */
const COMPARED = (
  'status request request_method request_uri uri document_uri args query_string is_args arg_a arg_long cookie_session ' +
  'host http_host http_user_agent http_referer http_x_odd http_x_long http_x_none http_cookie http_connection ' +
  'http_x_forwarded_for proxy_add_x_forwarded_for content_type content_length scheme https server_protocol remote_addr ' +
  'remote_user server_addr server_name hostname request_length request_completion pipe connection_requests ' +
  'body_bytes_sent sent_http_content_type sent_http_content_length sent_http_x_up sent_http_location sent_http_etag ' +
  'sent_http_transfer_encoding sent_http_connection sent_http_set_cookie upstream_addr upstream_status ' +
  'upstream_response_length upstream_bytes_received upstream_http_x_up upstream_http_x_none upstream_http_content_type ' +
  'upstream_cookie_id upstream_cache_status proxy_host proxy_port ssl_protocol ssl_cipher ssl_server_name ' +
  'ssl_session_reused ssl_client_verify limit_req_status gzip_ratio proxy_protocol_addr'
).split(' ')

const TIME = /^\d+\.\d{3}$/
const TIMES = /^(\d+\.\d{3}|-)(, (\d+\.\d{3}|-))*$/
const NUMBERS = /^\d+(, \d+)*$/

/** Cannot be equal: here both must have the shape. */
const SHAPES: Readonly<Record<string, RegExp>> = {
  // Times; and lists of times with as many entries as there are addresses.
  time_iso8601: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/,
  time_local: /^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$/,
  msec: TIME,
  request_time: TIME,
  connection_time: TIME,
  upstream_response_time: TIMES,
  upstream_connect_time: TIMES,
  upstream_header_time: TIMES,
  // Each has its own ports, processes, connections and chance.
  remote_port: /^\d+$/,
  server_port: /^\d+$/,
  connection: /^\d+$/,
  pid: /^\d+$/,
  request_id: /^[\da-f]{32}$/,
  // Heads are of different length: nginx sends `Server`, Node `Keep-Alive`. What the client has got says it exactly.
  bytes_sent: /^\d+$/,
  // What is sent to peers is not the same: `Via`, `X-Forwarded-For`, HTTP/1.1.
  upstream_bytes_sent: NUMBERS,
}

const NAMES = [...COMPARED, ...Object.keys(SHAPES)]

/** A tab between fields: in no value is there one, for it would be escaped. */
export const FORMAT = NAMES.map((name) => `$${name}`).join('\\t')

export const JSON_FORMAT = `{${NAMES.map((name) => `"${name}":"$${name}"`).join(',')}}`

export type Fields = Readonly<Record<string, string>>

export function fieldsOf(line: string): Fields {
  const values = line.split('\t')
  if (values.length !== NAMES.length) throw new Error(`${values.length} fields: ${line}`)
  return Object.fromEntries(NAMES.map((name, i) => [name, values[i]!]))
}

/** Those that must be equal, without those that cannot be in this case. */
export function comparable(fields: Fields, differs: readonly string[]): Fields {
  return Object.fromEntries(
    COMPARED.filter((name) => !differs.includes(name)).map((name) => [name, fields[name]!]),
  )
}

/** `name: value` of all that has not its shape. */
export function misshapen(fields: Fields): readonly string[] {
  const count = fields['upstream_addr']!.split(', ').length
  return Object.entries(SHAPES)
    .filter(([name, shape]) => {
      const value = fields[name]!
      if (fields['upstream_addr'] === '-' && name.startsWith('upstream_')) return value !== '-'
      const lists = shape === TIMES || shape === NUMBERS
      return !shape.test(value) || (lists && value.split(', ').length !== count)
    })
    .map(([name]) => `${name}: ${fields[name]!}`)
}

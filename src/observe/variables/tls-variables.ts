/** `$ssl_*`, as far as Node knows them. On a connection without TLS all of them are `-`. */
import type { TlsLog } from '../tls-log.js'
import { plain, unicode } from './variable.js'
import type { LogVariable, VariableTable } from './variable.js'

export const TLS_VARIABLES: VariableTable = {
  ssl_protocol: tls((of) => of.protocol),
  ssl_cipher: tls((of) => of.cipher),
  ssl_server_name: tls((of) => of.serverName),
  ssl_alpn_protocol: tls((of) => of.alpn),
  ssl_session_reused: tls((of) => (of.sessionReused ? 'r' : '.')),
  ssl_client_verify: tls((of) => of.verify),
  ssl_client_s_dn: tls((of) => of.subject),
  ssl_client_i_dn: tls((of) => of.issuer),
  ssl_client_serial: tls((of) => of.serial),
  ssl_client_fingerprint: tls((of) => of.fingerprint),
  ssl_client_v_start: tls((of) => of.validFrom),
  ssl_client_v_end: tls((of) => of.validTo),
  // Node's server has no early data, and nginx without it shows the same.
  ssl_early_data: plain(() => undefined),
}

function tls(value: (of: TlsLog) => string | undefined): LogVariable {
  return unicode(({ connection }) => connection.tls && value(connection.tls), 'tls')
}

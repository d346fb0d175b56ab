/** Directives that evenkeel has no counterpart for: what that means, and what to do instead. */

interface Explained {
  readonly meaning: string
  readonly instead: string
}

const NODE_SERVER = 'the server that the balancer is mounted in does it'
const entries: readonly (readonly [names: string, meaning: string, instead: string])[] = [
  ['listen', NODE_SERVER, 'createServer(balancer).listen(port)'],
  ['server_name', 'the server answers for every name', 'your own routing by request.headers.host'],
  [
    'ssl_certificate ssl_certificate_key ssl_protocols ssl_ciphers ssl_prefer_server_ciphers ssl_dhparam ssl_ecdh_curve ssl_session_cache ssl_session_timeout ssl_session_tickets ssl_stapling ssl_stapling_verify ssl_trusted_certificate ssl_client_certificate ssl_verify_client ssl_verify_depth ssl_crl ssl_password_file ssl_early_data ssl_buffer_size ssl_session_ticket_key ssl',
    'TLS towards clients is a matter of the server',
    'https.createServer({ cert, key, … }, balancer)',
  ],
  [
    'http2 http3',
    'HTTP/2 towards clients is a matter of the server',
    'http2.createSecureServer({ allowHTTP1: true, … }, balancer)',
  ],
  [
    'root alias index autoindex try_files',
    'files are not served',
    'express.static or another middleware before the balancer',
  ],
  ['return', 'it answers in place of the peers', 'middleware before the balancer'],
  ['rewrite break set', 'it works within nginx', 'rewrite, or middleware before the balancer'],
  [
    'if limit_except',
    'conditions are not evaluated: the directives in it do not hold',
    'middleware before the balancer',
  ],
  [
    'error_page',
    'error pages are plain text; responses of peers go on as they are',
    'onError, interceptErrors',
  ],
  ['recursive_error_pages', 'there are no error pages of that kind', 'nothing'],
  [
    'auth_basic auth_basic_user_file auth_request auth_request_set auth_jwt satisfy',
    'nobody asks who the client is',
    'middleware before the balancer: examples/express-auth.ts',
  ],
  ['allow deny', 'every client is let in', 'middleware before the balancer'],
  [
    'limit_req limit_req_zone limit_req_status limit_req_log_level limit_req_dry_run',
    'there is no limit of requests a second',
    'middleware such as express-rate-limit',
  ],
  [
    'limit_conn limit_conn_zone limit_conn_status limit_conn_log_level limit_conn_dry_run',
    'there is no limit of connections for each client',
    'maxInFlight for all of them, maxConns for a peer',
  ],
  ['limit_rate_after', 'limitRate holds from the first byte', 'limitRate'],
  [
    'gzip gzip_types gzip_min_length gzip_comp_level gzip_vary gzip_proxied gzip_disable gzip_buffers gzip_http_version gzip_static gunzip brotli brotli_types brotli_comp_level',
    'nothing is compressed on the way',
    'the middleware compression before the balancer',
  ],
  [
    'sub_filter sub_filter_once sub_filter_types sub_filter_last_modified',
    'bodies go on as they are',
    'onUpstreamResponse with a stream as head.body',
  ],
  [
    'proxy_cache proxy_cache_path proxy_cache_key proxy_cache_valid proxy_cache_use_stale proxy_cache_bypass proxy_no_cache proxy_cache_lock proxy_cache_lock_age proxy_cache_lock_timeout proxy_cache_methods proxy_cache_min_uses proxy_cache_revalidate proxy_cache_background_update proxy_cache_convert_head proxy_cache_max_range_offset proxy_cache_purge proxy_store proxy_store_access',
    'there is no cache',
    'a cache in front, or in the application',
  ],
  ['proxy_method', 'the method stays', "onUpstreamRequest: (head) => { head.method = '…' }"],
  [
    'proxy_set_body proxy_pass_request_body',
    "the client's body goes on",
    'onUpstreamRequest: (head) => { head.body = … }',
  ],
  ['proxy_pass_request_headers', "the client's fields go on", 'onUpstreamRequest: (head) => …'],
  [
    'proxy_ignore_headers',
    'X-Accel-Buffering of a response is obeyed; other X-Accel fields are not',
    'responseHeaders: { remove: […] }',
  ],
  [
    'proxy_ssl_crl proxy_ssl_verify_depth proxy_ssl_conf_command proxy_ssl_certificate_cache proxy_ssl_key_log',
    'TLS towards peers has no such option',
    'an agent of your own: keepalive',
  ],
  [
    'proxy_ssl_password_file',
    'a passphrase is not read from a file of several',
    'tls: { passphrase }',
  ],
  [
    'proxy_busy_buffers_size proxy_temp_file_write_size proxy_send_lowat proxy_headers_hash_max_size proxy_headers_hash_bucket_size proxy_socket_rcvbuf proxy_socket_sndbuf',
    'memory is not divided in that way',
    'nothing',
  ],
  ['proxy_force_ranges', 'ranges are for the peers to serve', 'nothing'],
  ['proxy_pass_trailers', 'trailers always go on', 'nothing'],
  ['proxy_add_via proxy_allow_upstream', 'it has no option of that name', 'via'],
  [
    'client_body_timeout client_header_timeout send_timeout keepalive_timeout keepalive_requests keepalive_time keepalive_disable reset_timedout_connection lingering_close lingering_time lingering_timeout',
    'clients are a matter of the server',
    'server.headersTimeout, requestTimeout, keepAliveTimeout, maxRequestsPerSocket',
  ],
  [
    'client_header_buffer_size large_client_header_buffers',
    'the size of request heads is a matter of the server',
    'createServer({ maxHeaderSize })',
  ],
  [
    'client_body_temp_path client_body_in_file_only client_body_in_single_buffer',
    'a request body in a file has no name',
    'tempPath',
  ],
  ['max_headers', 'it has another name', 'maxHeaders'],
  [
    'access_log log_format log_not_found log_subrequest open_log_file_cache',
    'it is no log of this location',
    'accessLog',
  ],
  [
    'error_log rewrite_log',
    'what is said goes to the events and to the package debug',
    "balancer.on('next', …), DEBUG=evenkeel:*",
  ],
  [
    'resolver resolver_timeout',
    "names are looked up by the system's resolver",
    'upstream: fromDns(name, { servers: […] }) of evenkeel/discovery',
  ],
  ['real_ip_header', 'X-Forwarded-For is read, no other field', 'trustProxy with X-Forwarded-For'],
  ['real_ip_recursive', 'addresses are always followed as far as they are trusted', 'trustProxy'],
  ['expires etag if_modified_since add_trailer', 'fields are those of the peer', 'responseHeaders'],
  ['health_check match', 'its place is another', 'healthCheck'],
  ['mirror mirror_request_body', 'requests are not sent twice for a test', 'nothing'],
  [
    'grpc_pass fastcgi_pass uwsgi_pass scgi_pass memcached_pass',
    'peers are spoken to in HTTP/1.1',
    'nothing',
  ],
  [
    'sendfile sendfile_max_chunk aio aio_write directio tcp_nopush tcp_nodelay output_buffers postpone_output read_ahead open_file_cache open_file_cache_valid open_file_cache_min_uses open_file_cache_errors',
    'it makes nginx faster, and means nothing here',
    'nothing',
  ],
  [
    'default_type charset source_charset override_charset charset_types types_hash_max_size types_hash_bucket_size server_names_hash_bucket_size server_names_hash_max_size variables_hash_max_size variables_hash_bucket_size map_hash_max_size map_hash_bucket_size server_tokens port_in_redirect absolute_redirect server_name_in_redirect merge_slashes underscores_in_headers ignore_invalid_headers msie_padding msie_refresh disable_symlinks chunked_transfer_encoding internal',
    'it is about how nginx answers by itself',
    'nothing',
  ],
  [
    'include',
    'the file was not read: what is in it is missing here',
    'include for fromNginx, the file nginx.conf itself, or the output of nginx -T',
  ],
]

const EXPLAINED: ReadonlyMap<string, Explained> = new Map(
  entries.flatMap(([names, meaning, instead]) =>
    names.split(' ').map((name) => [name, { meaning, instead }] as const),
  ),
)

/** Blocks that hold what is looked at elsewhere, and directives that define something for others. */
const SILENT: ReadonlySet<string> = new Set([
  ...[
    'server',
    'location',
    'upstream',
    'types',
    'map',
    'geo',
    'split_clients',
    'charset_map',
    'http',
  ],
  ...['events', 'stream', 'mail', 'user', 'worker_processes', 'pid', 'load_module', 'log_format'],
  ...[
    'worker_rlimit_nofile',
    'worker_cpu_affinity',
    'worker_priority',
    'daemon',
    'pcre_jit',
    'env',
  ],
])

export function isSilent(name: string): boolean {
  return SILENT.has(name)
}

export function explained(name: string): Explained {
  const known = EXPLAINED.get(name)
  if (known !== undefined) return known
  if (name.includes('_by_lua')) {
    return {
      meaning: 'code for another server is not run',
      instead: 'middleware before the balancer',
    }
  }
  return {
    meaning: 'it has no counterpart',
    instead: 'middleware before the balancer, if it is needed',
  }
}

export function isKnown(name: string): boolean {
  return EXPLAINED.has(name)
}

export const EXPLAINED_NAMES: readonly string[] = [...EXPLAINED.keys()]

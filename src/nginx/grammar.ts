/** What the reader of a configuration must know of nginx's directives: which have a block, and what is in it. */

/** Their blocks hold entries, not directives: an `include` is one only where nginx's handler looks for it. */
const ENTRIES: ReadonlyMap<string, { readonly includes: boolean }> = new Map([
  ['types', { includes: true }],
  ['map', { includes: true }],
  ['geo', { includes: true }],
  ['split_clients', { includes: false }],
  ['charset_map', { includes: false }],
])

/** Directives that have a block wherever they may stand; `server` does but in an upstream. */
const BLOCKS: ReadonlySet<string> = new Set([
  ...ENTRIES.keys(),
  ...['events', 'http', 'mail', 'stream', 'upstream', 'location', 'if', 'limit_except'],
])

/** Well-known directives without a block: where one has one, the `;` before it was forgotten. */
const SIMPLE: ReadonlySet<string> = new Set(
  `accept_mutex access_log add_header alias allow auth_basic auth_basic_user_file autoindex break charset chunked_transfer_encoding
  client_body_buffer_size client_body_temp_path client_body_timeout client_header_buffer_size client_header_timeout
  client_max_body_size daemon default_type deny directio error_log error_page etag expires fastcgi_param fastcgi_pass
  gzip gzip_comp_level gzip_disable gzip_http_version gzip_min_length gzip_proxied gzip_static gzip_types gzip_vary
  http2 if_modified_since ignore_invalid_headers include index internal keepalive keepalive_requests keepalive_time
  keepalive_timeout large_client_header_buffers limit_conn limit_conn_zone limit_rate limit_rate_after limit_req
  limit_req_zone listen load_module log_format map_hash_bucket_size merge_slashes multi_accept open_file_cache pcre_jit
  pid port_in_redirect real_ip_header real_ip_recursive recursive_error_pages reset_timedout_connection resolver
  resolver_timeout return rewrite root satisfy send_timeout sendfile server_name server_name_in_redirect
  server_names_hash_bucket_size server_names_hash_max_size server_tokens set set_real_ip_from ssl ssl_certificate
  ssl_certificate_key ssl_ciphers ssl_dhparam ssl_prefer_server_ciphers ssl_protocols ssl_session_cache
  ssl_session_tickets ssl_session_timeout ssl_stapling sub_filter tcp_nodelay tcp_nopush timer_resolution try_files
  types_hash_max_size underscores_in_headers use user variables_hash_bucket_size worker_connections worker_cpu_affinity
  worker_priority worker_processes worker_rlimit_nofile worker_shutdown_timeout`.split(/\s+/),
)

/** Of a block that holds entries: whether one of them may be an `include`. */
export function entriesOf(block: string | undefined): { readonly includes: boolean } | undefined {
  return block === undefined ? undefined : ENTRIES.get(block)
}

/** What nginx says of a directive that ends with `;` and should not, or the other way round. */
export function wrongEnding(
  name: string,
  parent: string | undefined,
  ending: ';' | '{',
): string | undefined {
  if (entriesOf(parent) !== undefined) return ending === '{' ? 'unexpected "{"' : undefined
  const block = parent !== 'upstream' && (BLOCKS.has(name) || name === 'server')
  if (block) return ending === ';' ? `directive "${name}" has no opening "{"` : undefined
  if (ending === ';' || !withoutBlock(name, parent)) return undefined
  return `directive "${name}" is not terminated by ";"`
}

function withoutBlock(name: string, parent: string | undefined): boolean {
  return parent === 'upstream' || name.startsWith('proxy_') || SIMPLE.has(name)
}

/** OpenResty's `content_by_lua_block` and its kin: code follows the brace. */
export function hasLua(name: string): boolean {
  return name.endsWith('_by_lua_block')
}

/** The generated configurations of nginx (as upstream, and as contender) and of HAProxy. */
import { SMALL, TAKEN } from '../scenario.js'

/** Port of the edge, `host:port` of the peers, and key and certificate where the edge is TLS. */
export interface EdgePlan {
  readonly port: number
  readonly peers: readonly string[]
  readonly pem: string | undefined
}

/** A name of its own for every start: two nginx may live at the same time. */
function nginxMain(folder: string, name: string, http: readonly string[]): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path ${folder}/${name}-${kind};`,
  )
  return [
    'worker_processes 1;',
    'worker_rlimit_nofile 16384;',
    'daemon off;',
    `pid ${folder}/${name}.pid;`,
    'error_log stderr crit;',
    'events { worker_connections 8192; }',
    'http {',
    ...temporary,
    '  access_log off;',
    '  default_type text/plain;',
    '  keepalive_requests 1000000000;',
    '  keepalive_timeout 3600s;',
    '  client_max_body_size 0;',
    ...http.map((line) => `  ${line}`),
    '}',
    '',
  ].join('\n')
}

export function upstreamConfiguration(folder: string, ports: readonly number[]): string {
  return nginxMain(folder, 'upstream', [
    'sendfile on;',
    'open_file_cache max=10;',
    `upstream taken { server unix:${folder}/taken.sock; keepalive 2048; }`,
    `server { listen unix:${folder}/taken.sock; location / { return 200 "${TAKEN}"; } }`,
    'server {',
    ...ports.map((port) => `  listen 127.0.0.1:${port} backlog=4096;`),
    `  location = /small { return 200 "${SMALL.replace('\n', '\\n')}"; }`,
    // A bare `return` answers before it has read the body. This reads all of it first, in memory.
    '  location = /take {',
    '    client_body_buffer_size 2m;',
    '    proxy_pass http://taken;',
    '    proxy_http_version 1.1;',
    '    proxy_set_header Connection "";',
    '    proxy_pass_request_body off;',
    '    proxy_set_header Content-Length "";',
    '  }',
    `  location = /large { root ${folder}; }`,
    '}',
  ])
}

/** Bodies go by unbuffered by disk, as they do in all the others. */
export function nginxConfiguration(folder: string, { port, peers, pem }: EdgePlan): string {
  const secure =
    pem === undefined ? [] : [`  ssl_certificate ${pem};`, `  ssl_certificate_key ${pem};`]
  return nginxMain(folder, 'edge', [
    'map $http_upgrade $connection_upgrade { default upgrade; "" ""; }',
    'upstream peers {',
    ...peers.map((peer) => `  server ${peer};`),
    '  keepalive 2048;',
    '  keepalive_requests 1000000000;',
    '}',
    'server {',
    `  listen 127.0.0.1:${port}${pem === undefined ? '' : ' ssl'} backlog=4096;`,
    ...secure,
    '  location / {',
    '    proxy_pass http://peers;',
    '    proxy_http_version 1.1;',
    '    proxy_set_header Host $host;',
    '    proxy_set_header Upgrade $http_upgrade;',
    '    proxy_set_header Connection $connection_upgrade;',
    '    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
    '    proxy_request_buffering off;',
    '    proxy_max_temp_file_size 0;',
    '  }',
    '}',
  ])
}

export function haproxyConfiguration({ port, peers, pem }: EdgePlan): string {
  return [
    'global',
    '  nbthread 1',
    '  maxconn 8192',
    'defaults',
    '  mode http',
    '  timeout connect 5s',
    '  timeout client 60s',
    '  timeout server 60s',
    '  timeout tunnel 1h',
    '  option forwardfor',
    '  option redispatch 1',
    '  retries 3',
    'frontend edge',
    `  bind 127.0.0.1:${port} backlog 4096${pem === undefined ? '' : ` ssl crt ${pem}`}`,
    '  default_backend peers',
    'backend peers',
    '  balance roundrobin',
    '  http-reuse always',
    '  default-server check inter 1s fall 1 rise 1 observe layer4 error-limit 1 on-error mark-down',
    ...peers.map((peer, index) => `  server peer${index} ${peer}`),
    '',
  ].join('\n')
}

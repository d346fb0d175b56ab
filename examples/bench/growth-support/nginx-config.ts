/** What the upstream's nginx is told. */

/** Bytes of the bodies that can be asked for. */
export const BODY_SIZES = [0, 1024, 16_384, 65_536, 262_144, 1_048_576]
/** Fields of the responses that can be asked for, Node's own counted: Server, Date, Content-Type, Content-Length, Connection. */
export const FIELD_COUNTS = [10, 50, 100]

const OWN_FIELDS = 5

/** The i-th address of 127.0.0.0/8, from 127.0.0.1. */
export function addressOf(i: number): string {
  const last = i + 1
  return `127.0.${Math.floor(last / 250)}.${(last % 250) + (last < 250 ? 0 : 1)}`
}

export interface UpstreamSettings {
  readonly folder: string
  readonly port: number
  readonly peers: number
}

/**
 * One process. `/small` says 64 bytes, `/body/N` N bytes, `/fields/N` N fields; `/take` reads the whole body before it
 * answers: `return` alone would answer first, and such a connection is not used again.
 */
export function configOf({ folder, port, peers }: UpstreamSettings): string {
  const listens = Array.from(
    { length: peers },
    (_, i) => `listen ${addressOf(i)}:${port} backlog=4096;`,
  )
  const fields = FIELD_COUNTS.map((count) => {
    const lines = Array.from(
      { length: count - OWN_FIELDS },
      (_, i) => `add_header X-Application-Field-${i} a-value-of-the-usual-length;`,
    )
    return `location = /fields/${count} { ${lines.join(' ')} return 200 "${SMALL}"; }`
  })
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  return `
daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log crit;
worker_rlimit_nofile ${CONNECTIONS};
events { worker_connections ${CONNECTIONS}; multi_accept on; }
http {
  access_log off; default_type text/plain; sendfile on; tcp_nopush on; open_file_cache max=100;
  keepalive_requests 1000000000; keepalive_timeout 3600s; client_max_body_size 0; client_body_buffer_size 2m;
  ${temporary.join(' ')}
  upstream taken { server unix:${folder}/taken.sock; keepalive 256; keepalive_requests 1000000000; }
  server { listen unix:${folder}/taken.sock; return 200 "${SMALL}"; }
  server {
    ${listens.join('\n    ')}
    location = /small { return 200 "${SMALL}"; }
    location /body/ { alias ${folder}/; }
    location = /take {
      proxy_pass http://taken; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_pass_request_body off; proxy_set_header Content-Length "";
    }
    ${fields.join('\n    ')}
  }
}
`
}

const CONNECTIONS = 20_000
const SMALL = 'hello from upstream, a small answer of some sixty bytes here..'

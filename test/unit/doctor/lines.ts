/** Log lines as nginx would write them. Times are seconds after the beginning of an hour. */

const BEGIN = Date.UTC(2026, 10, 12, 10)

export const at = (second: number): number => BEGIN + second * 1000

/** `2026-11-12T10:00:05+00:00`, as a clock with that offset shows it. */
export function iso(second: number, offset = '+00:00'): string {
  const [hours = 0, minutes = 0] = offset.slice(1).split(':').map(Number)
  const shift = (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000
  return `${new Date(at(second) + shift).toISOString().slice(0, 19)}${offset}`
}

export const FORMAT =
  '$time_iso8601\t$status\t$request\t$upstream_addr\t$upstream_status\t$upstream_connect_time\t$upstream_header_time\t$upstream_response_time'

export interface Line {
  readonly status?: number
  readonly path?: string
  readonly addr?: string
  readonly statuses?: string
  readonly connect?: string
  readonly header?: string
  readonly response?: string
  readonly offset?: string
}

/** A line of {@link FORMAT}; an ordinary one where nothing is said. */
export function accessLine(second: number, line: Line = {}): string {
  const { status = 200, path = '/page', addr = '10.0.0.1:80', statuses = String(status) } = line
  const { connect = '0.000', header = '0.010', response = '0.010', offset } = line
  return `${[iso(second, offset), status, `GET ${path} HTTP/1.1`, addr, statuses, connect, header, response].join('\t')}\n`
}

/** Nothing but ordinary lines, two a second. */
export function calm(second: number, seconds: number): string {
  return Array.from({ length: seconds }, (_, i) => [
    accessLine(second + i, { path: `/page/${i % 5}` }),
    accessLine(second + i, { path: `/page/${i % 3}`, addr: '10.0.0.2:80' }),
  ])
    .flat()
    .join('')
}

export const bystander = (second: number, offset?: string): string =>
  accessLine(second, {
    status: 502,
    addr: 'example',
    connect: '-',
    header: '-',
    response: '0.000',
    ...(offset === undefined ? {} : { offset }),
  })

/** The incident: one 500 that is delivered, one that is thrown away, and eight bystanders. */
export function blackout(second: number, offset = '+00:00'): string {
  const poison = { path: '/poison', offset }
  const both = { connect: '0.000, 0.000', header: '0.002, 0.002', response: '0.002, 0.002' }
  return [
    accessLine(second, {
      ...poison,
      ...both,
      status: 500,
      addr: '10.0.0.1:80, 10.0.0.2:80',
      statuses: '500, 500',
    }),
    accessLine(second, {
      ...poison,
      status: 502,
      addr: '10.0.0.2:80, example',
      statuses: '500, 502',
      connect: '0.000, -',
      header: '0.002, -',
      response: '0.002, 0.000',
    }),
    ...Array.from({ length: 8 }, (_, i) => bystander(second + 1 + i, offset)),
  ].join('')
}

export interface ErrorOptions {
  readonly level?: string
  readonly upstream?: string
  readonly path?: string
  readonly connection?: number
  readonly doing?: string
  /** Hours. */
  readonly offset?: number
}

/** A line of the error log. */
export function errorLine(second: number, message: string, options: ErrorOptions = {}): string {
  const { level = 'error', path = '/page', connection = second + 1, offset = 0 } = options
  const { upstream = 'example', doing = ' while connecting to upstream' } = options
  const time = new Date(at(second) + offset * 3_600_000).toISOString()
  const stamp = `${time.slice(0, 10).replaceAll('-', '/')} ${time.slice(11, 19)}`
  return `${stamp} [${level}] 12#12: *${connection} ${message}${doing}, client: 127.0.0.1, server: , request: "GET ${path} HTTP/1.1", upstream: "http://${upstream}${path}", host: "example.test"\n`
}

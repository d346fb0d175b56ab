/** The head of a response, as the live checks look at it. */

export interface ResponseHead {
  readonly version: string
  readonly status: number
  /** Bytes, from the status line to the empty line. */
  readonly size: number
  readonly connection: string
  /** Seconds of `Keep-Alive: timeout=…`; undefined: not announced. */
  readonly keepAlive: number | undefined
}

/** `bytes` as latin1. Undefined: not yet whole. Null: not HTTP. */
export function parseHead(bytes: string): ResponseHead | undefined | null {
  if (!'HTTP/1.'.startsWith(bytes.slice(0, 7)) && bytes !== '') return null
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [statusLine = '', ...fields] = bytes.slice(0, end).split('\r\n')
  const match = /^HTTP\/(1\.[01]) (\d{3})(?: |$)/.exec(statusLine)
  if (match === null) return null
  const value = (name: string): string => {
    const prefix = `${name}:`
    const field = fields.find((line) => line.toLowerCase().startsWith(prefix))
    return field?.slice(prefix.length).trim() ?? ''
  }
  const timeout = /\btimeout=(\d{1,6})\b/i.exec(value('keep-alive'))?.[1]
  return {
    version: match[1] ?? '',
    status: Number(match[2]),
    size: end + 4,
    connection: value('connection').toLowerCase(),
    keepAlive: timeout === undefined ? undefined : Number(timeout),
  }
}

/** Connections live on after this response. */
export function persists({ version, connection }: ResponseHead): boolean {
  return version === '1.1' ? !connection.includes('close') : connection.includes('keep-alive')
}

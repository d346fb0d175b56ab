/** What is put around log lines on their way to a file: by syslog, journald, Docker, Kubernetes. */

const ISO = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)`
const BSD = String.raw`[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d`

const ENVELOPES = [
  // RFC 3164, as `access_log syslog:` sends it (with `nohostname`, too), and as journalctl and rsyslog write it.
  String.raw`(?:<\d{1,3}>)?(?:${BSD}|${ISO}) (?:[\w.:-]{1,255} )?[\w./-]{1,64}(?:\[\d{1,10}\])?: `,
  // RFC 5424, without structured data.
  String.raw`<\d{1,3}>1 ${ISO} \S{1,255} \S{1,48} \S{1,128} \S{1,32} - `,
  // The files of a container runtime under Kubernetes (CRI).
  `${ISO} (?:stdout|stderr) [FP] `,
  // `docker logs --timestamps`, `kubectl logs --timestamps`.
  `${ISO} `,
  // `docker compose logs`.
  String.raw`[\w.-]{1,128} {1,64}\| `,
].map((pattern) => new RegExp(`^${pattern}`))

/** One in another: `docker compose logs --timestamps` of what goes to syslog. */
const MOST = 3

/**
 * Whether the line, or what is in it, is what is looked for: `fits` is called with it, and with what is within, until it says
 * so.
 */
export function fitsWithin(line: string, fits: (text: string) => boolean): boolean {
  if (fits(line)) return true
  let text = contentOf(line)
  for (let depth = 0; depth < MOST && text !== undefined; depth++) {
    if (fits(text)) return true
    text = contentOf(text)
  }
  return false
}

/** Undefined: there is nothing around it that is known. */
export function contentOf(line: string): string | undefined {
  if (line.startsWith('{')) return loggedIn(line)
  for (const envelope of ENVELOPES) {
    const [around] = envelope.exec(line) ?? []
    if (around !== undefined) return line.slice(around.length)
  }
  return undefined
}

/** The `json-file` of Docker: `{"log":"…\n","stream":"stdout","time":"…"}`. */
function loggedIn(line: string): string | undefined {
  const { log } = objectOf(line) ?? {}
  return typeof log === 'string' ? log.replace(/\r?\n$/, '') : undefined
}

/** A line that is a JSON object, or undefined. */
export function objectOf(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

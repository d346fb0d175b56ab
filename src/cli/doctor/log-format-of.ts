/** Which `log_format` a log has: the one that fits its first lines. */
import { AccessReader } from '../../doctor/access-reader.js'
import type { ConfFacts } from '../../doctor/conf-facts.js'
import { fitsWithin } from '../../doctor/envelope.js'
import type { LogEscape } from '../../doctor/escapes.js'
import { FieldsReader } from '../../doctor/fields-reader.js'
import { unescapeText } from '../../nginx/unescape.js'
import { COMBINED } from '../../observe/log-format.js'
import { linesOf } from './line-source.js'

export interface KnownFormat {
  readonly name: string
  readonly format: string
  readonly escape: LogEscape
}

/** Lines that are tried. */
const SAMPLE = 100

/** What is given, by text or by name; else those of the configuration, those that are in use first. */
export function candidates(
  given: string | undefined,
  escape: LogEscape,
  conf: ConfFacts | undefined,
): KnownFormat[] {
  const named = conf?.formats.get(given ?? '')
  if (given !== undefined && named !== undefined) return [{ name: given, ...named }]
  if (given === 'combined') return [{ name: given, format: COMBINED, escape: 'default' }]
  if (given !== undefined) return [{ name: '--log-format', format: unescapeText(given), escape }]
  const inUse = conf?.accessLogs.map(({ format, escape }) => ({
    name: 'access_log',
    format,
    escape,
  }))
  const all = [...(conf?.formats ?? [])].map(([name, value]) => ({ name, ...value }))
  const list = [
    ...(inUse ?? []),
    ...all,
    { name: 'combined', format: COMBINED, escape: 'default' as const },
  ]
  return list.filter(
    ({ format }, index) => list.findIndex((other) => other.format === format) === index,
  )
}

/**
 * A reader of the format that most of the first lines have.
 * @throws {SyntaxError} if none fits, or the one that was given cannot be read.
 */
export async function readerFor(
  file: string,
  formats: readonly KnownFormat[],
): Promise<AccessReader> {
  const [only] = formats
  // What is wrong with a format that was given is said.
  if (formats.length === 1 && only !== undefined) new AccessReader(only.format, only.escape)
  const sample = await firstLines(file)
  let best: { readonly reader: AccessReader; readonly fits: number } | undefined
  for (const make of [...formats.map(readerOf), () => fieldsReader(sample)]) {
    const reader = valueOrNone(make)
    if (reader === undefined) continue
    const fits = sample.filter((line) => fitsWithin(line, (text) => reader.read(text))).length
    if (fits > (best?.fits ?? 0) || (best === undefined && sample.length === 0))
      best = { reader, fits }
  }
  if (best === undefined)
    throw new SyntaxError(
      `${file}: its lines have none of these formats: ${formats.map(({ name }) => name).join(', ')}. Give it with --log-format.`,
    )
  return best.reader
}

const readerOf =
  ({ format, escape }: KnownFormat) =>
  (): AccessReader =>
    new AccessReader(format, escape)

/** What a structured logger writes says itself what it is. */
function fieldsReader(sample: readonly string[]): AccessReader | undefined {
  const fields = FieldsReader.of(sample)
  return fields && new AccessReader(fields)
}

function valueOrNone(make: () => AccessReader | undefined): AccessReader | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}

async function firstLines(file: string): Promise<string[]> {
  for await (const lines of linesOf(file, () => undefined)) {
    const sample = lines.filter((line) => line !== '').slice(0, SAMPLE)
    if (sample.length > 0) return sample
  }
  return []
}

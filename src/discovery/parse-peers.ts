/** A list of peers from the text of a file. Messages quote nothing of it: there may be keys in it. */
import type { PeerList } from '../options.js'

export type PeerFileFormat = 'json' | 'yaml'

/** Throws an Error that names the file and says what is wrong with it. */
export async function parsePeers(
  text: string,
  format: PeerFileFormat,
  path: string,
): Promise<PeerList> {
  // The mark that some editors begin a file with.
  const bare = text.startsWith('\uFEFF') ? text.slice(1) : text
  const value = format === 'json' ? parseJson(bare, path) : await parseYaml(bare, path)
  const list: unknown =
    typeof value === 'object' && value !== null && !Array.isArray(value) && 'peers' in value
      ? value.peers
      : value
  // What the entries are worth, the upstream knows.
  if (Array.isArray(list)) return list as PeerList
  throw new Error(`${path} must hold a list of peers, or an object with one under "peers"`)
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const [, position] = /at position (\d+)/.exec(error instanceof Error ? error.message : '') ?? []
    const where = position === undefined ? '' : ` (at character ${Number(position) + 1})`
    // eslint-disable-next-line preserve-caught-error -- its message quotes the text
    throw new Error(`${path} is not valid JSON${where}`)
  }
}

async function parseYaml(text: string, path: string): Promise<unknown> {
  const { parse, YAMLParseError } = await import('yaml').catch((cause: unknown) => {
    throw new Error(`to read ${path}, the package "yaml" has to be installed`, { cause })
  })
  try {
    return parse(text)
  } catch (error) {
    const line = error instanceof YAMLParseError ? error.linePos?.[0].line : undefined
    // eslint-disable-next-line preserve-caught-error -- its message quotes the text
    throw new Error(`${path} is not valid YAML${line === undefined ? '' : ` (line ${line})`}`)
  }
}

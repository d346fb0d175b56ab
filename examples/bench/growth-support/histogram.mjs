// The heap by constructors, from V8's own snapshot.
import { getHeapSnapshot } from 'node:v8'

/**
 * @returns {Promise<Record<string, import('./protocol.js').Tally>>}
 */
export async function histogramOfHeap() {
  const pieces = []
  for await (const piece of getHeapSnapshot()) pieces.push(piece)
  return histogramOf(JSON.parse(Buffer.concat(pieces).toString()))
}

/**
 * @param {{ snapshot: { meta: { node_fields: string[], node_types: unknown[] } }, nodes: number[], strings: string[] }} heap
 * @returns {Record<string, import('./protocol.js').Tally>}
 */
export function histogramOf({ snapshot, nodes, strings }) {
  const { node_fields: fields, node_types: types } = snapshot.meta
  const kinds = /** @type {string[]} */ (types[0])
  const size = fields.indexOf('self_size')
  const name = fields.indexOf('name')
  /** @type {Record<string, { count: number, bytes: number }>} */
  const histogram = Object.create(null)
  for (let i = 0; i < nodes.length; i += fields.length) {
    const kind = kinds[nodes[i] ?? 0] ?? ''
    // Texts are named by what they say; the rest by what made them.
    const own = kind === 'string' || kind === 'number' ? '' : (strings[nodes[i + name] ?? 0] ?? '')
    const key = `(${kind}) ${own.slice(0, 60)}`.trim()
    const entry = (histogram[key] ??= { count: 0, bytes: 0 })
    entry.count++
    entry.bytes += nodes[i + size] ?? 0
  }
  return histogram
}

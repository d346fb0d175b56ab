/** Fields as undici's parser leaves them: views of the bytes that were read. */

/** Name, value, name, value … as Latin-1, which is what bytes in fields are to Node, too. */
export function fieldsOf(raw: readonly Buffer[]): string[] {
  const first = raw[0]
  const last = raw.at(-1)
  if (first === undefined || last === undefined) return []
  const start = first.byteOffset
  const end = last.byteOffset + last.length
  const memory = first.buffer
  if (last.buffer !== memory || end < start) return raw.map((each) => each.toString('latin1'))
  // One call for all of them, where they are of one piece: a head is rarely read in two.
  const text = Buffer.from(memory, start, end - start).toString('latin1')
  // Neither a literal nor `new Array`: V8 would move one that has once lived long into its old space for good.
  const fields: unknown[] = raw.slice()
  for (let i = 0; i < raw.length; i++) {
    const each = raw[i] ?? first
    const at = each.byteOffset - start
    // What came in two reads was put together elsewhere.
    fields[i] =
      each.buffer === memory && at >= 0 && at + each.length <= text.length
        ? text.slice(at, at + each.length)
        : each.toString('latin1')
  }
  return fields as string[]
}

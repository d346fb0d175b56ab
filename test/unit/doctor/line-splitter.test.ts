import { expect, it } from 'vitest'
import { LineSplitter } from '../../../src/cli/doctor/line-source.js'

it('cuts bytes into the same lines wherever the chunks end', () => {
  const bytes = Buffer.from('one\r\ntwo\n\n\xfcber\nlast', 'latin1')
  for (let size = 1; size <= bytes.length; size++) {
    const splitter = new LineSplitter()
    const lines: string[] = []
    for (let at = 0; at < bytes.length; at += size)
      lines.push(...splitter.split(bytes.subarray(at, at + size)))
    lines.push(splitter.end())
    expect(lines).toEqual(['one', 'two', '', '\xfcber', 'last'])
  }
})

it('a line without an end is bounded', () => {
  const splitter = new LineSplitter()
  for (let i = 0; i < 50; i++) expect(splitter.split(Buffer.alloc(100_000, 'a'))).toEqual([])
  expect(splitter.end().length).toBeLessThan(200_000)
})

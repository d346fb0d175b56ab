import { describe, expect, it } from 'vitest'
import { flameGraph } from '../../../examples/bench/flame/graph.js'
import { allocationTree, cpuTree, heaviest, placeOf } from '../../../examples/bench/flame/tree.js'

const frame = (functionName: string, url = '', lineNumber = 0) => ({
  functionName,
  url,
  lineNumber,
})

const cpu = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 3, 4] },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: frame('handle', 'file:///home/me/dist/a.js', 9), children: [5] },
    { id: 4, callFrame: frame('', 'node:net', 0) },
    { id: 5, callFrame: frame('<write>', '/x/node_modules/p/i.js', 1) },
  ],
  samples: [2, 3, 5, 5, 4],
  timeDeltas: [1000, 10, 20, 30, 5],
}

describe('a profile', () => {
  it('becomes a tree with the time of each frame, without idling', () => {
    const tree = cpuTree(cpu)
    expect(tree.total).toBe(65)
    const [handle, anonymous] = tree.children
    expect(handle).toMatchObject({ name: 'handle', place: 'dist/a.js:10', self: 10, total: 60 })
    expect(handle?.children[0]).toMatchObject({ name: '<write>', place: 'p/i.js:2', total: 50 })
    expect(anonymous).toMatchObject({ name: '(anonymous)', place: 'node:net:1', self: 5 })
    expect(tree.children).toHaveLength(2)
  })

  it('of allocations has bytes', () => {
    const leaf = { callFrame: frame('b'), selfSize: 7, children: [] }
    const tree = allocationTree({
      head: { callFrame: frame('(root)'), selfSize: 1, children: [leaf, leaf] },
    })
    expect(tree.total).toBe(15)
    expect(heaviest(tree, 1)).toEqual([{ label: 'b', weight: 14 }])
  })

  it('that is empty is refused', () => {
    expect(() => cpuTree({ nodes: [], samples: [], timeDeltas: [] })).toThrow('empty')
  })

  it.each([
    ['file:///home/me/x/dist/transport/a.js', 'dist/transport/a.js'],
    ['/home/me/node_modules/a/node_modules/@b/c/d.js', '@b/c/d.js'],
    ['node:internal/streams', 'node:internal/streams'],
    ['', ''],
  ])('names no folder of this machine: %s', (url, place) => {
    expect(placeOf(url)).toBe(place)
  })
})

describe('a flame graph', () => {
  const svg = flameGraph(cpuTree(cpu), { title: 'a & b', weigh: (weight) => `${weight} µs` })

  it('draws what was called above its caller, as wide as its share', () => {
    const boxes = [...svg.matchAll(/<rect class="(\w+)" x="([\d.]+)" y="(\d+)" width="([\d.]+)"/g)]
    expect(boxes.map(([, origin, x, y, width]) => [origin, x, y, width])).toEqual([
      ['engine', '0', '68', '1400'],
      ['evenkeel', '0', '51', '1292.31'],
      ['package', '0', '34', '1076.92'],
      ['node', '1292.31', '51', '107.69'],
    ])
  })

  it('escapes names', () => {
    expect(svg).toContain('&lt;write&gt;')
    expect(svg).toContain('a &amp; b')
    expect(svg).not.toContain('<write>')
  })
})

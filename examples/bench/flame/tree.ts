/** V8's profiles as one tree of frames with their weights. */

export interface CallFrame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

/** Of `Profiler.stop`, and of --cpu-prof. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: CallFrame
    readonly children?: readonly number[]
  }[]
  readonly samples: readonly number[]
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[]
}

/** Of `HeapProfiler.stopSampling`. */
export interface AllocationProfile {
  readonly head: AllocationNode
}

interface AllocationNode {
  readonly callFrame: CallFrame
  readonly selfSize: number
  readonly children: readonly AllocationNode[]
}

export interface Frame {
  readonly name: string
  /** Package, `node:` module or file of ours; empty for V8 itself. */
  readonly place: string
  /** Its own weight, without those below. */
  readonly self: number
  /** With those below. */
  readonly total: number
  readonly children: readonly Frame[]
}

/** Where a frame is from, without the folders of this machine. */
export function placeOf(url: string): string {
  const path = url.replace(/^file:\/\//, '')
  const inPackage = path.split('node_modules/')
  if (inPackage.length > 1) return inPackage.at(-1) ?? ''
  return path.replace(/^.*\/(?=(dist|examples)\/)/, '')
}

function frameOf(
  { functionName, url, lineNumber }: CallFrame,
  self: number,
  below: Frame[],
): Frame {
  const place = placeOf(url)
  return {
    name: functionName === '' ? '(anonymous)' : functionName,
    place: place === '' ? '' : `${place}:${lineNumber + 1}`,
    self,
    total: below.reduce((sum, { total }) => sum + total, self),
    children: below.toSorted((a, b) => b.total - a.total),
  }
}

/** Microseconds, without the time in which the process had nothing to do. */
export function cpuTree({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const self = new Map<number, number>()
  for (const [index, id] of samples.entries())
    self.set(id, (self.get(id) ?? 0) + Math.max(0, timeDeltas[index] ?? 0))
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const build = (id: number): Frame[] => {
    const node = byId.get(id)
    if (node === undefined || node.callFrame.functionName === '(idle)') return []
    return [frameOf(node.callFrame, self.get(id) ?? 0, (node.children ?? []).flatMap(build))]
  }
  const [root] = nodes[0] === undefined ? [] : build(nodes[0].id)
  if (root === undefined) throw new Error('an empty profile')
  return root
}

/** Bytes. */
export function allocationTree({ head }: AllocationProfile): Frame {
  const build = ({ callFrame, selfSize, children }: AllocationNode): Frame =>
    frameOf(callFrame, selfSize, children.map(build))
  return build(head)
}

export interface Heaviest {
  readonly label: string
  readonly weight: number
}

/** The frames with the largest weight of their own, wherever they were called from. */
export function heaviest(root: Frame, count: number): Heaviest[] {
  const weights = new Map<string, number>()
  const walk = ({ name, place, self, children }: Frame): void => {
    const label = place === '' ? name : `${name} ${place}`
    weights.set(label, (weights.get(label) ?? 0) + self)
    children.forEach(walk)
  }
  walk(root)
  return [...weights]
    .map(([label, weight]) => ({ label, weight }))
    .toSorted((a, b) => b.weight - a.weight)
    .slice(0, count)
}

/** The command line of `npm run bench:flame`. */
import { parseArgs } from 'node:util'

export interface FlameOptions {
  readonly what: 'cpu' | 'allocations'
  /** Name of a contender that is run by Node. */
  readonly contender: string
  readonly seconds: number
  /** Path of the SVG. */
  readonly out: string
}

export const FLAME_HELP = `npm run bench:flame -- [options]
  --transport undici    evenkeel's other transport (default: default)
  --contender NAME      another Node contender of npm run bench instead of evenkeel
  --alloc               bytes allocated instead of CPU time
  --seconds N           of load, 1 to 60 (default: 4)
  --out FILE            the SVG (default: flame.svg below a new temporary folder)
`

const string = { type: 'string' } as const
const flag = { type: 'boolean', default: false } as const

/** @param contenders the names that are allowed. @returns problems, when there are some. */
export function parseFlameOptions(
  args: readonly string[],
  contenders: readonly string[],
  temporary: () => string,
): FlameOptions | readonly string[] {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { transport: string, contender: string, alloc: flag, seconds: string, out: string },
    })
    const { transport = 'default', seconds = '4' } = values
    const evenkeel = transport === 'undici' ? 'evenkeel-undici' : 'evenkeel'
    const contender = values.contender ?? evenkeel
    const problems: string[] = []
    if (!['default', 'undici'].includes(transport))
      problems.push(`--transport: '${transport}' is neither default nor undici`)
    if (!contenders.includes(contender))
      problems.push(`--contender: '${contender}' is none of ${contenders.join(', ')}`)
    if (!/^\d+$/.test(seconds) || Number(seconds) < 1 || Number(seconds) > 60)
      problems.push(`--seconds: '${seconds}' is not a whole number from 1 to 60`)
    if (problems.length > 0) return problems
    const what = values.alloc ? 'allocations' : 'cpu'
    return { what, contender, seconds: Number(seconds), out: values.out ?? temporary() }
  } catch (error) {
    return [(error as Error).message]
  }
}

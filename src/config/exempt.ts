/** The option `exempt`: which requests say nothing of a peer. */
import type { IncomingMessage } from 'node:http'
import { clientTarget } from '../message/request-changes.js'
import type { BalancerOptions } from '../options.js'
import { copyOf } from './rules.js'
import type { Section } from './section.js'
import { toList } from './section.js'

const RULE =
  'must be a function, a path that begins with /, a RegExp, or a list of paths and RegExps'
const ITEM_RULE = 'must be a path that begins with /, or a RegExp'

/** Undefined when nothing is given. */
export function readExempt(
  options: Section<BalancerOptions>,
): ((request: IncomingMessage) => boolean) | undefined {
  const value = options.value('exempt')
  if (value === undefined) return undefined
  const says = options.functionOf('exempt')
  if (says !== undefined) return says
  const list = toList(value)
  if (list === undefined) {
    const path = pathOf(value)
    if (path === undefined) options.reject('exempt', RULE)
    return path === undefined ? undefined : isAnyOf([path])
  }
  const paths: (string | RegExp)[] = []
  for (const [index, each] of list.entries()) {
    const path = pathOf(each)
    if (path !== undefined) paths.push(path)
    else options.problems.add(`${options.path('exempt')}[${index}]`, ITEM_RULE, each)
  }
  return isAnyOf(paths)
}

/** Of a target in absolute form. */
const AUTHORITY = /^https?:\/\/[^/?]*/i

function pathOf(value: unknown): string | RegExp | undefined {
  if (typeof value === 'string')
    return value.startsWith('/') && !value.includes('?') ? value : undefined
  return copyOf(value)
}

/** As the client wrote it, whatever the balancer is mounted on; without the query. */
function isAnyOf(paths: readonly (string | RegExp)[]): (request: IncomingMessage) => boolean {
  return (request) => {
    const url = clientTarget(request, 'keep')
    const target = url.startsWith('/') ? url : url.replace(AUTHORITY, '')
    const query = target.indexOf('?')
    const path = query === -1 ? target : target.slice(0, query)
    return paths.some((each) => isAt(path, each))
  }
}

function isAt(path: string, wanted: string | RegExp): boolean {
  if (typeof wanted === 'string') return path.startsWith(wanted)
  // A sticky expression goes on where it was.
  wanted.lastIndex = 0
  return wanted.test(path)
}

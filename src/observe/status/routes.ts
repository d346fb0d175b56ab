/** What a request to the page is for, wherever the page is mounted. */

const ACTIONS = ['drain', 'down', 'up'] as const
export type Action = (typeof ACTIONS)[number]

export type Route =
  | { readonly to: 'page' | 'json' | 'events' | 'nothing' }
  | { readonly to: 'control'; readonly peer: string; readonly action: Action }

/**
 * `below`: the mount has been taken off the path (Express and Connect do that). Otherwise nobody knows where the page
 * begins, and what does not end as one of its paths is the page.
 */
export function routeOf(url: string, mount: 'below' | 'unknown'): Route {
  const [path = ''] = url.split(/[?#]/, 1)
  const parts = path.split('/').filter((part) => part !== '')
  const depth = parts.length
  const [peers, name, last] = [parts[depth - 3], parts[depth - 2], parts[depth - 1]]
  const action = ACTIONS.find((each) => each === last)
  if (peers === 'peers' && name !== undefined && action !== undefined && isAt(depth, 3, mount)) {
    const peer = decoded(name)
    return peer === undefined ? { to: 'nothing' } : { to: 'control', peer, action }
  }
  if ((last === 'json' || last === 'events') && isAt(depth, 1, mount)) return { to: last }
  return { to: depth === 0 || mount === 'unknown' ? 'page' : 'nothing' }
}

function isAt(depth: number, wanted: number, mount: 'below' | 'unknown'): boolean {
  return mount === 'unknown' ? depth >= wanted : depth === wanted
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

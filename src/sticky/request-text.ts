/** Texts of a request that say whom it belongs to. */
import { cookieValue } from '../message/cookie.js'
import type { StickySource } from '../sticky-options.js'
import type { SelectionRequest } from '../upstream/peer-selector.js'

/** Never empty. */
export type TextOf = (request: SelectionRequest) => string | undefined

export function compileSource(source: StickySource): TextOf {
  if (typeof source === 'function') return (request) => textOrNothing(source(request))
  if ('cookie' in source) {
    const { cookie } = source
    return ({ headers }) => textOrNothing(cookieValue(cookieHeader(headers), cookie))
  }
  if ('header' in source) {
    const name = source.header.toLowerCase()
    return ({ headers }) => textOrNothing(firstOf(headers[name]))
  }
  const { query } = source
  return ({ url }) => textOrNothing(queryValue(url, query))
}

/** Node makes one line of several; a framework may have left a list. */
export function cookieHeader({ cookie }: SelectionRequest['headers']): string | undefined {
  return typeof cookie === 'object' ? cookie.join('; ') : cookie
}

function firstOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'object' ? value[0] : value
}

/** What is not well encoded is read as it stands; nothing throws. */
function queryValue(url: string, name: string): string | undefined {
  const mark = url.indexOf('?')
  return mark === -1 ? undefined : (new URLSearchParams(url.slice(mark)).get(name) ?? undefined)
}

/** A function of the user's may return whatever it likes. */
export function textOrNothing(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

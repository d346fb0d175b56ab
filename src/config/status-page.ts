/** The option `statusPage`. */
import type { BalancerOptions, StatusPageOptions } from '../options.js'
import { namesOf } from './section.js'
import type { Section, TextRule } from './section.js'

const STATUS_PAGE = namesOf<StatusPageOptions>({ controls: true, title: true, history: true })
const TITLE: TextRule = {
  rule: 'must be a text of at most 100 characters, none of them a control character',
  holds: (value) => /^\P{Cc}{1,100}$/u.test(value),
}
const LEAST = 60_000
const MOST = 86_400_000

/** Resolved. */
export interface StatusPageConfig {
  readonly controls: boolean
  /** Undefined: the upstream's name. */
  readonly title: string | undefined
  /** Milliseconds. */
  readonly history: number
}

export function readStatusPage(options: Section<BalancerOptions>): StatusPageConfig {
  const page = options.section<StatusPageOptions>('statusPage', STATUS_PAGE)
  const title = page.text('title', TITLE, '')
  const history = page.duration('history', 300_000, 'more than zero')
  if (history < LEAST || history > MOST) page.reject('history', "must be from '1m' to '24h'")
  return Object.freeze({
    controls: page.boolean('controls', false),
    title: title === '' ? undefined : title,
    history,
  })
}

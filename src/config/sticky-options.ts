/** `sticky`. */
import type {
  StickyCookieOptions,
  StickyLearnOptions,
  StickyOptions,
  StickySource,
} from '../sticky-options.js'
import { isOptions, namesOf, POSITIVE_INTEGER, toList } from './section.js'
import type { Section, TextRule } from './section.js'
import type { StickyConfig, StickyCookieConfig } from './types.js'
import type { GroupOptions } from './upstream-options.js'

const STICKY = namesOf<StickyOptions>({ cookie: true, route: true, learn: true })
const COOKIE = namesOf<StickyCookieOptions>({
  name: true,
  secret: true,
  path: true,
  domain: true,
  httpOnly: true,
  secure: true,
  sameSite: true,
  maxAge: true,
  expires: true,
  partitioned: true,
  priority: true,
  rolling: true,
  indirect: true,
  nocache: true,
})
const LEARN = namesOf<StickyLearnOptions>({ create: true, lookup: true, size: true, timeout: true })

/** RFC 9110 section 5.6.2, of which names of cookies and of fields are made. */
const TOKEN: TextRule = {
  rule: "must be a name of letters, digits and !#$%&'*+-.^_`|~",
  holds: (value) => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(value),
}
/** RFC 6265 section 4.1.1. */
const PATH: TextRule = {
  rule: "must begin with '/', without ';' and control characters",
  holds: (value) => /^\/[\x20-\x3a\x3c-\x7e]*$/.test(value),
}
const DOMAIN: TextRule = {
  rule: "must be a domain such as 'example.com'",
  holds: (value) =>
    /^\.?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(value),
}
const SECRETS = 'must be a text that is not empty, or a list of such texts'
const WAYS = "must have one of 'cookie', 'route' and 'learn'"
const SOURCE = "must be { cookie: 'name' }, { query: 'name' }, { header: 'Name' } or a function"
const CREATE = "must be { cookie: 'name' }, { header: 'Name' } or a function"

export function readSticky(
  options: Section<GroupOptions>,
  { nginx }: { readonly nginx: boolean },
): StickyConfig | undefined {
  if (!options.given('sticky')) return undefined
  const sticky = options.section<StickyOptions>('sticky', STICKY)
  const ways = STICKY.filter((way) => sticky.given(way as keyof StickyOptions))
  if (ways.length !== 1) {
    if (isOptions(options.value('sticky'))) options.problems.say(options.path('sticky'), WAYS)
    return undefined
  }
  if (sticky.given('cookie')) return readCookie(sticky, nginx)
  return sticky.given('route') ? readRoute(sticky) : readLearn(sticky)
}

function readCookie(sticky: Section<StickyOptions>, nginx: boolean): StickyConfig {
  const cookie = sticky.section<StickyCookieOptions>('cookie', COOKIE)
  const config: StickyCookieConfig & { way: 'cookie' } = {
    way: 'cookie',
    name: cookie.text('name', TOKEN, 'srv_id'),
    secrets: readSecrets(cookie),
    path: cookie.text('path', PATH, '/'),
    domain: cookie.given('domain') ? cookie.text('domain', DOMAIN, '') : undefined,
    httpOnly: cookie.boolean('httpOnly', true),
    secure: readSecure(cookie),
    sameSite: readSameSite(cookie),
    maxAge: cookie.given('maxAge') ? cookie.duration('maxAge', 0, 'more than zero') : undefined,
    expires: readExpires(cookie),
    partitioned: cookie.boolean('partitioned', false),
    priority: cookie.given('priority')
      ? cookie.choice<'low' | 'medium' | 'high'>('priority', ['low', 'medium', 'high'], 'medium')
      : undefined,
    rolling: cookie.boolean('rolling', false),
    indirect: cookie.boolean('indirect', false),
    nocache: cookie.boolean('nocache', !nginx),
  }
  checkTogether(cookie, config)
  return Object.freeze(config)
}

function readSecure(cookie: Section<StickyCookieOptions>): boolean | 'auto' {
  const value = cookie.value('secure')
  if (value === undefined) return false
  if (value === 'auto' || typeof value === 'boolean') return value
  cookie.reject('secure', "must be true, false or 'auto'")
  return false
}

function readSameSite(cookie: Section<StickyCookieOptions>): StickyCookieConfig['sameSite'] {
  const value = cookie.value('sameSite')
  if (value === undefined || value === false) return undefined
  if (value === true) return 'strict'
  const words = ['lax', 'strict', 'none'] as const
  const word = words.find((each) => each === value)
  if (word === undefined)
    cookie.reject('sameSite', "must be true, false, 'lax', 'strict' or 'none'")
  return word
}

function readExpires(cookie: Section<StickyCookieOptions>): Date | undefined {
  const value = cookie.value('expires')
  if (value === undefined) return undefined
  if (value instanceof Date && !Number.isNaN(value.valueOf())) return new Date(value)
  cookie.reject('expires', 'must be a valid Date')
  return undefined
}

/** They stand in no message. */
function readSecrets(cookie: Section<StickyCookieOptions>): readonly string[] {
  const value = cookie.value('secret')
  if (value === undefined) return []
  const list = typeof value === 'string' ? [value] : toList(value)
  if (list === undefined || list.length === 0 || !list.every(isSecret)) {
    cookie.problems.addSecret(cookie.path('secret'), SECRETS, value)
    return []
  }
  return Object.freeze(list)
}

function isSecret(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** What browsers drop without a word (RFC 6265bis sections 4.1.3 and 5.6, CHIPS). */
function checkTogether(cookie: Section<StickyCookieOptions>, config: StickyCookieConfig): void {
  const { problems } = cookie
  const { name, secure, sameSite, partitioned, domain, path } = config
  if (cookie.given('maxAge') && cookie.given('expires'))
    problems.say(cookie.path('expires'), 'must not stand beside maxAge')
  if (secure === false && sameSite === 'none')
    problems.say(
      cookie.path('sameSite'),
      "must not be 'none' without secure: browsers would drop the cookie",
    )
  if (secure === false && partitioned)
    problems.say(cookie.path('partitioned'), 'needs secure: browsers would drop the cookie')
  if (/^__(?:secure|host)-/i.test(name) && secure !== true)
    problems.say(cookie.path('name'), 'needs secure: true: browsers would drop the cookie')
  if (/^__host-/i.test(name) && (domain !== undefined || path !== '/'))
    problems.say(
      cookie.path('name'),
      "needs path '/' and no domain: browsers would drop the cookie",
    )
}

function readRoute(sticky: Section<StickyOptions>): StickyConfig {
  const given = toList(sticky.value('route'))
  if (given === undefined || given.length === 0) {
    sticky.reject('route', 'must be a list of sources, with at least one')
    return { way: 'route', route: [] }
  }
  const route = given.map((source, index) => {
    const found = sourceOf(source, ['cookie', 'query', 'header'])
    if (found === undefined)
      sticky.problems.add(`${sticky.path('route')}[${index}]`, SOURCE, source)
    return found as StickySource | undefined
  })
  return Object.freeze({ way: 'route', route: route.filter((source) => source !== undefined) })
}

function readLearn(sticky: Section<StickyOptions>): StickyConfig {
  const learn = sticky.section<StickyLearnOptions>('learn', LEARN)
  const create = sourceOf(learn.value('create'), ['cookie', 'header'])
  if (create === undefined) rejectSource(learn, 'create', CREATE)
  const lookup = sourceOf(learn.value('lookup'), ['cookie', 'query', 'header'])
  if (lookup === undefined) rejectSource(learn, 'lookup', SOURCE)
  const nothing = (): undefined => undefined
  return Object.freeze({
    way: 'learn',
    create: (create ?? nothing) as StickyLearnOptions['create'],
    lookup: (lookup ?? nothing) as StickySource,
    size: learn.number('size', POSITIVE_INTEGER, 10_000),
    timeout: learn.duration('timeout', 600_000, 'more than zero'),
  })
}

function rejectSource(
  learn: Section<StickyLearnOptions>,
  name: 'create' | 'lookup',
  rule: string,
): void {
  if (learn.given(name)) learn.reject(name, rule)
  else learn.problems.say(learn.path(name), 'is required')
}

/** A copy of it; undefined when it is none of these. */
function sourceOf(value: unknown, kinds: readonly string[]): object | undefined {
  if (typeof value === 'function') return value
  if (!isOptions(value)) return undefined
  try {
    const [kind, ...more] = Object.keys(value)
    if (kind === undefined || more.length > 0 || !kinds.includes(kind)) return undefined
    const name: unknown = Reflect.get(value, kind)
    if (typeof name !== 'string') return undefined
    const isName = kind === 'query' ? name !== '' : TOKEN.holds(name)
    return isName ? Object.freeze({ [kind]: name }) : undefined
  } catch {
    return undefined
  }
}

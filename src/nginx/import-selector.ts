/** nginx's load balancing methods: the option `selector`. */
import type { Directive } from './conf.js'
import type { ImportDraft } from './import-draft.js'
import type { Value } from './import-value.js'

export const METHODS: ReadonlySet<string> = new Set([
  ...['hash', 'ip_hash', 'least_conn', 'least_time', 'random'],
])

export function importSelector(draft: ImportDraft, directive: Directive): void {
  const { name, args } = directive
  switch (name) {
    case 'ip_hash':
    case 'least_conn':
      if (args.length === 0) draft.set(directive, ['selector'], name)
      else draft.wrong(directive, `invalid number of arguments in "${name}" directive`)
      return
    case 'hash':
      importHash(draft, directive)
      return
    case 'random':
      importRandom(draft, directive)
      return
    default:
      importLeastTime(draft, directive)
  }
}

/** What the selector `hash` knows (`selection/request-key.ts`). */
const KEY_VARIABLE = /^(request_uri|remote_addr|request_method|host|(http|cookie|arg)_\w+)$/i

function importHash(draft: ImportDraft, directive: Directive): void {
  const [text = '', consistent, ...more] = directive.args
  if (text === '' || more.length > 0) {
    draft.wrong(directive, 'invalid number of arguments in "hash" directive')
    return
  }
  if (consistent !== undefined && consistent !== 'consistent') {
    draft.wrong(directive, `invalid parameter "${consistent}"`)
    return
  }
  const key = KEYS.get(text) ?? text
  const unknown = [...text.matchAll(/\$\{?(\w+)/g)].find(
    ([, name = '']) => !KEY_VARIABLE.test(name),
  )
  if (unknown !== undefined && key === text) {
    draft.leave(
      directive,
      `the variable $${unknown[1] ?? ''} is known to nginx only: requests are given out by round robin`,
      "selector: { name: 'hash', key: (request) => … }",
    )
    return
  }
  if (!text.includes('$')) {
    draft.leave(directive, 'every request would go to the same peer', "selector: 'first'")
    return
  }
  const selector = new Map<string, Value>([
    ['name', 'hash'],
    ['key', key],
  ])
  if (consistent !== undefined) selector.set('consistent', true)
  draft.set(directive, ['selector'], selector)
}

/** Nearly the same, by another name: the path is not decoded, and the address is a text. */
const KEYS: ReadonlyMap<string, string> = new Map([
  ['$uri', 'path'],
  ['$document_uri', 'path'],
  ['$request_uri', 'uri'],
  ['$binary_remote_addr', 'address'],
  ['$remote_addr', 'address'],
])

function importRandom(draft: ImportDraft, directive: Directive): void {
  const [two, method = 'least_conn', ...more] = directive.args
  if (two === undefined) {
    draft.set(directive, ['selector'], 'random')
    return
  }
  const [, time] = /^least_time=(header|last_byte)$/.exec(method) ?? []
  const known = method === 'least_conn' || method === 'least_time' || time !== undefined
  if (two !== 'two' || !known || more.length > 0) {
    draft.wrong(directive, `invalid parameter "${two === 'two' ? method : two}"`)
    return
  }
  const selector = new Map<string, Value>([
    ['name', 'random'],
    ['two', method === 'least_conn' ? method : 'least_time'],
  ])
  if (time !== undefined) selector.set('time', time)
  draft.set(directive, ['selector'], selector)
}

function importLeastTime(draft: ImportDraft, directive: Directive): void {
  const [time = '', inflight] = directive.args
  if (time !== 'header' && time !== 'last_byte') {
    draft.wrong(directive, `invalid parameter "${time}"`)
  } else if (inflight !== undefined && inflight !== 'inflight') {
    draft.wrong(directive, `invalid parameter "${inflight}"`)
  } else {
    const selector = new Map<string, Value>([
      ['name', 'least_time'],
      ['time', time],
    ])
    if (inflight !== undefined) selector.set('inflight', true)
    draft.set(directive, ['selector'], selector)
  }
}

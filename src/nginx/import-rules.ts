/** Rules that change texts: `proxy_pass` with a URI, `rewrite`, `proxy_redirect`, `proxy_cookie_domain`, `_path`. */
import { isFieldValue } from '../message/field-rules.js'
import type { Directive } from './conf.js'
import { asFlagless, hasVariable } from './import-arguments.js'
import type { ImportDraft } from './import-draft.js'
import type { Value, ValueMap } from './import-value.js'
import type { Levels } from './levels.js'
import type { LocationBlock } from './locations.js'
import { modifierOf, patternOf, replacementOf } from './pattern.js'
import type { ProxyPass } from './proxy-pass.js'
import type { KnownVariables } from './variables.js'

export interface RuleContext {
  readonly location: LocationBlock
  readonly levels: Levels
  readonly variables: KnownVariables
  readonly pass: ProxyPass
  /** The `proxy_pass` itself. */
  readonly directive: Directive
}

function ruleOf(from: string | RegExp, to: string): ValueMap {
  return new Map<string, Value>([
    ['from', from],
    ['to', to],
  ])
}

/** What `rewrite` takes for the beginning of a path. */
const PATH = /^\/[\x21-\x22\x24-\x3e\x40-\x7e\x80-\xff]*$/

/** The URI of `proxy_pass` takes the place of the location's name; without one, `rewrite … break` counts. */
export function importRewrite(draft: ImportDraft, context: RuleContext): void {
  const { location, pass, directive } = context
  const rewrites = context.levels.own('rewrite')
  if (pass.uri === undefined) {
    importRewrites(draft, rewrites)
    return
  }
  if (pass.evaluated) {
    importEvaluated(draft, context, rewrites)
    return
  }
  const { kind, pattern } = location
  if (kind === 'regex' || kind === 'named') {
    draft.wrong(
      directive,
      '"proxy_pass" cannot have URI part in location given by regular expression, or inside named location, or inside "if" statement, or inside "limit_except" block',
    )
    return
  }
  leaveRewrites(draft, rewrites)
  const uri = pass.uri.startsWith('?') ? `/${pass.uri}` : pass.uri
  if (uri === pattern) draft.take(directive, 'the path goes on as it is')
  else if (PATH.test(pattern) && PATH.test(uri)) {
    draft.set(directive, ['rewrite'], ruleOf(pattern, uri))
  } else {
    draft.leave(
      directive,
      'a URI with a query, or with characters that no path has, is not put before a path',
      'rewrite: (target) => …',
    )
  }
}

function leaveRewrites(draft: ImportDraft, rewrites: readonly Directive[]): void {
  for (const rewrite of rewrites) {
    draft.leave(rewrite, 'a proxy_pass with a URI stands beside it', 'rewrite: a list of rules')
  }
}

/** A URI with a variable is sent as it comes out, and nothing of what was asked for but by its variables. */
function importEvaluated(
  draft: ImportDraft,
  { location, pass, directive }: RuleContext,
  rewrites: readonly Directive[],
): void {
  const uri = (pass.uri ?? '').replace(/\$\{(\w+)\}/g, '$$$1')
  if (PATH_AND_QUERY.test(uri) && uri.startsWith('$')) {
    draft.take(directive, 'the path goes on as it is')
    if (uri === '$request_uri') leaveRewrites(draft, rewrites)
    else importRewrites(draft, rewrites)
    return
  }
  leaveRewrites(draft, rewrites)
  const rule = evaluatedRule(uri, location.regex)
  if (rule !== undefined) draft.set(directive, ['rewrite'], rule)
  else {
    draft.leave(
      directive,
      'its URI is made of variables: here the path goes on as it is',
      'rewrite: (target) => …',
    )
  }
}

const PATH_AND_QUERY = /\$(request_uri|(document_)?uri\$is_args\$(args|query_string))$/
const QUERY = /(\?|\$is_args)\$(args|query_string)$/

function evaluatedRule(uri: string, regex: RegExp | undefined): ValueMap | undefined {
  const before = uri.replace(PATH_AND_QUERY, '')
  if (before !== uri)
    return PATH.test(before) && !hasVariable(before) ? ruleOf('/', `${before}/`) : undefined
  const path = uri.replace(QUERY, '')
  // Without the client's query at its end, it is dropped: that is what a `?` at the end of a rule says.
  const end = path === uri ? '?' : ''
  if (!hasVariable(path)) return isTarget(path) ? ruleOf(/^/, `${path}${end}`) : undefined
  const to = regex && replacementOf(path, regex)
  return regex !== undefined && to !== undefined && isTarget(to)
    ? ruleOf(regex, `${to}${end}`)
    : undefined
}

function isTarget(to: string): boolean {
  return /^\/[\x21-\x7e\x80-\xff]*$/.test(to) && !to.includes('#')
}

function importRewrites(draft: ImportDraft, rewrites: readonly Directive[]): void {
  const rules: Value[] = []
  for (const directive of rewrites) {
    const rule = rules.length === rewrites.indexOf(directive) ? rewriteOf(directive) : undefined
    if (rule === undefined) {
      draft.leave(
        directive,
        'only rules with "break", in expressions that JavaScript has too, are rules of the option',
        'rewrite: (target) => …',
      )
    } else {
      rules.push(rule)
      draft.take(directive, 'rewrite')
    }
  }
  if (rules.length > 0) draft.put(['rewrite'], rules)
}

/** With `break` the first rule that matches is the last one, as it is in the option. */
function rewriteOf({ args }: Directive): ValueMap | undefined {
  const [source = '', replacement = '', flag] = args
  if (flag !== 'break' || args.length !== 3) return undefined
  const from = patternOf(source, { ignoreCase: false })
  const to = from && replacementOf(replacement, from)
  if (from === undefined || to === undefined) return undefined
  return /^[/$][\x21-\x7e\x80-\xff]*$/.test(to) && !to.includes('#') ? ruleOf(from, to) : undefined
}

export function importRedirect(draft: ImportDraft, context: RuleContext): void {
  const directives = context.levels.all('proxy_redirect')
  const rules = directives.flatMap((directive) => redirectOf(draft, directive, context) ?? [])
  const words = new Set(directives.map(({ args }) => args[0]))
  if (words.has('off')) draft.put(['redirect'], false)
  // By itself `default` is what the option does anyway, and better: it knows all the peers.
  else if (rules.length > 0 && !(words.has('default') && rules.length === 1)) {
    draft.put(['redirect'], rules)
  }
}

function redirectOf(
  draft: ImportDraft,
  directive: Directive,
  { variables, pass, location }: RuleContext,
): ValueMap | undefined {
  const [from = '', to] = directive.args
  if (from === 'off') draft.take(directive, 'redirect: false')
  else if (from === 'default') {
    draft.take(directive, 'redirect: URLs of peers become paths')
    // Beside other rules it is one of them.
    if (!pass.evaluated && isPrefix(location))
      return ruleOf(
        `${pass.scheme}://${pass.host}${pass.uri ?? location.pattern}`,
        location.pattern,
      )
  } else if (to === undefined || directive.args.length > 2) asFlagless(draft, directive)
  else {
    const rule = textRule(variables.expand(from), variables.expand(to))
    if (rule !== undefined) {
      draft.take(directive, 'redirect')
      return rule
    }
    draft.leave(
      directive,
      "URLs that point to a peer's own address become paths (redirect: true); no others are changed",
      'redirect: (url, { request }) => …',
    )
  }
  return undefined
}

function isPrefix({ kind }: LocationBlock): boolean {
  return kind === 'prefix' || kind === 'prefix without regex' || kind === 'exact'
}

/** Undefined when a variable, or an expression that JavaScript has not, is in it. */
function textRule(from: string, to: string): ValueMap | undefined {
  const expression = modifierOf(from)
  if (!isFieldValue(from) || !isFieldValue(to) || from === '') return undefined
  if (expression === undefined) {
    return hasVariable(from) || hasVariable(to) ? undefined : ruleOf(from, to)
  }
  const pattern = patternOf(expression.source, expression)
  const replacement = pattern && replacementOf(to, pattern)
  if (pattern === undefined || replacement === undefined) return undefined
  return ruleOf(pattern, replacement)
}

export function importCookies(draft: ImportDraft, { levels, variables }: RuleContext): void {
  for (const [name, option] of [
    ['proxy_cookie_domain', 'cookieDomain'],
    ['proxy_cookie_path', 'cookiePath'],
  ] as const) {
    const rules: Value[] = []
    for (const directive of levels.all(name)) {
      const [from = '', to] = directive.args
      if (from === 'off') draft.take(directive, `${option}: none`)
      else if (to === undefined || directive.args.length > 2) asFlagless(draft, directive)
      else {
        const rule = cookieRule(variables.expand(from), variables.expand(to), option)
        if (rule === undefined) leaveCookie(draft, directive)
        else {
          rules.push(rule)
          draft.take(directive, option)
        }
      }
    }
    if (rules.length > 0) draft.put([option], rules)
  }
  for (const directive of levels.all('proxy_cookie_flags')) leaveCookie(draft, directive)
}

function cookieRule(
  from: string,
  to: string,
  option: 'cookieDomain' | 'cookiePath',
): ValueMap | undefined {
  if (to.includes(';')) return undefined
  const plain = modifierOf(from) === undefined
  if (plain && option === 'cookiePath' && !from.startsWith('/')) return undefined
  if (plain && option === 'cookieDomain' && !/^\.?[^.;\s\p{Cc}][^;\s\p{Cc}]*$/u.test(from)) {
    return undefined
  }
  return textRule(from, to)
}

function leaveCookie(draft: ImportDraft, directive: Directive): void {
  draft.leave(
    directive,
    'cookies go on as the peer sets them',
    'onUpstreamResponse: (head) => …, which changes Set-Cookie',
  )
}

/** nginx configuration becomes options: `fromNginx`. */
import { isIP } from 'node:net'
import { suggest } from '../config/suggest.js'
import type { BalancerOptions } from '../options.js'
import type { Directive } from './conf.js'
import { flagOf, hasVariable } from './import-arguments.js'
import { ImportDraft } from './import-draft.js'
import type { DirectiveNotCarriedOver, DirectiveProblem, TakenDirective } from './import-draft.js'
import { importRequestHeaders, importResponseHeaders } from './import-headers.js'
import type { RequestHeaderFindings } from './import-headers.js'
import { importAccessLog } from './import-log.js'
import type { ImportedLogFormat } from './import-log.js'
import { importPeer } from './import-peer.js'
import { importProxy, importTunnelTimeout, SIMPLE_PROXY_DIRECTIVES } from './import-proxy.js'
import { importCookies, importRedirect, importRewrite } from './import-rules.js'
import { importTls } from './import-tls.js'
import { importUpstream } from './import-upstream.js'
import { liveValue } from './import-value.js'
import type { ReadFile, ValueMap } from './import-value.js'
import { Levels } from './levels.js'
import { findingsIn } from './lint.js'
import type { Lint } from './lint.js'
import { NginxImportError, selectLocation, selectUpstream, upstreamNamed } from './import-select.js'
import type { LocationBlock } from './locations.js'
import { parseNginxConfig } from './parse.js'
import type { IncludeFiles } from './parse.js'
import { parseProxyPass } from './proxy-pass.js'
import type { ProxyPass } from './proxy-pass.js'
import { KnownVariables } from './variables.js'
import { EXPLAINED_NAMES, explained, isKnown, isSilent } from './without-counterpart.js'

export interface FromNginxOptions {
  /** Takes this `upstream` block, with its own directives. */
  readonly upstream?: string | undefined
  /**
   * Takes what nginx does for this path: the location that gets it, its upstream, and all that the location inherits. Or
   * a location as it is written: `'~ \\.php$'`, `'@app'`.
   */
  readonly location?: string | undefined
  /** Name of the server, where several have such a location. */
  readonly server?: string | undefined
  /** Name of the file, for messages. Default `nginx.conf`. */
  readonly file?: string | undefined
  /** Reads what `include` names. Default: an `include` is listed as not carried over. */
  readonly include?: IncludeFiles | undefined
  /** Reads certificates and keys. Default: they are listed as not carried over. */
  readonly readFile?: ReadFile | undefined
  /**
   * What stands for all that the file does not say: evenkeel's defaults, or nginx's (`preset: 'nginx'`). Default
   * `'evenkeel'`.
   */
  readonly preset?: 'evenkeel' | 'nginx' | undefined
}

export interface NginxImport {
  /** What `createBalancer` takes as it is. */
  readonly options: BalancerOptions
  /** The same as they are printed: see `printImport`. */
  readonly draft: ValueMap
  /** What was taken: `location /api of server example.com`. */
  readonly title: string
  readonly taken: readonly TakenDirective[]
  readonly notCarriedOver: readonly DirectiveNotCarriedOver[]
  readonly problems: readonly DirectiveProblem[]
  /** What the lint says of the upstream and of its location. */
  readonly warnings: readonly Lint[]
  readonly logFormat: ImportedLogFormat | undefined
  /** The location passes WebSockets: the server's `upgrade` belongs to the balancer. */
  readonly upgrades: boolean
}

/**
 * Options from nginx's configuration: an `upstream`, or what a location does, with nginx's rules of inheritance.
 * Statuses in `proxy_next_upstream` are taken as they are written: here they mark no peer.
 * @throws {NginxConfigError} for a file that nginx does not read; {NginxImportError} where the upstream or location is not
 *   there, or is not the only one.
 */
export function fromNginx(text: string, options: FromNginxOptions): NginxImport {
  const { file, include } = options
  return importNginx(parseNginxConfig(text, { file, include }), options)
}

/** As {@link fromNginx}, for what has been read already. */
export function importNginx(
  directives: readonly Directive[],
  options: FromNginxOptions,
): NginxImport {
  const draft = new ImportDraft()
  if (options.preset === 'nginx') draft.put(['preset'], 'nginx')
  return options.location === undefined
    ? importGroup(draft, directives, options)
    : importLocation(draft, directives, options)
}

function importGroup(
  draft: ImportDraft,
  directives: readonly Directive[],
  options: FromNginxOptions,
): NginxImport {
  const block = selectUpstream(directives, options.upstream)
  importUpstream(draft, block, { scheme: 'http' })
  const title = `upstream ${block.args[0] ?? ''}`
  return finish(draft, { directives, options, title, upstream: block })
}

function importLocation(
  draft: ImportDraft,
  directives: readonly Directive[],
  options: FromNginxOptions,
): NginxImport {
  const location = selectLocation(directives, options)
  const levels = new Levels(location.blocks)
  const variables = new KnownVariables(levels)
  const [directive, ...duplicates] = levels.own('proxy_pass')
  for (const other of duplicates) draft.wrong(other, '"proxy_pass" directive is duplicate')
  if (directive === undefined)
    throw new NginxImportError(`location "${location.title}" has no proxy_pass`)
  const pass = readProxyPass(directive, variables)
  variables.addProxy(pass)
  sayDuplicates(draft, levels)
  const upstream = importPeers(draft, directives, { pass, directive })
  importProxy(draft, levels)
  const context = { location, levels, variables, pass, directive }
  importRewrite(draft, context)
  importRedirect(draft, context)
  importCookies(draft, context)
  const readsFiles = options.readFile !== undefined
  const { preset = 'evenkeel' } = options
  if (pass.scheme === 'https') {
    const group = upstream === undefined ? undefined : pass.host
    importTls(draft, { levels, variables, pass: directive, group, preset, readsFiles })
  }
  const headers = importRequestHeaders(draft, { levels, variables })
  if (headers.upgrades) importTunnelTimeout(draft, levels)
  importResponseHeaders(draft, { levels, variables })
  importRealIp(draft, levels, headers)
  importImplied(draft, { headers, pass, upstream, preset })
  const logFormat = importAccessLog(draft, levels, variables)
  sayRest(draft, levels, variables)
  sayWorkers(draft, directives)
  const { server } = location
  const [name] = server?.names ?? []
  const title = `location ${location.title}${name === undefined ? '' : ` of server ${name}`}`
  return finish(draft, {
    directives,
    options,
    title,
    upstream,
    location,
    logFormat,
    upgrades: headers.upgrades,
  })
}

function readProxyPass(directive: Directive, variables: KnownVariables): ProxyPass {
  const [given = ''] = directive.args
  const pass = parseProxyPass(variables.expand(given), given)
  if (hasVariable(pass?.host ?? given)) {
    throw new NginxImportError(
      `proxy_pass ${given} (${directive.file}:${directive.line}) names its upstream by a variable: which one is known for a request only. Import the upstreams one by one`,
    )
  }
  if (pass === undefined) {
    throw new NginxImportError(`invalid URL prefix in ${directive.file}:${directive.line}`)
  }
  return pass
}

/** The upstream that `proxy_pass` names, or the one peer that it is itself. */
function importPeers(
  draft: ImportDraft,
  directives: readonly Directive[],
  { pass, directive }: { pass: ProxyPass; directive: Directive },
): Directive | undefined {
  const block = upstreamNamed(directives, pass.host)
  draft.take(directive, 'upstream')
  if (block !== undefined) {
    importUpstream(draft, block, { scheme: pass.scheme })
    return block
  }
  const standard = pass.scheme === 'https' ? ':443' : ''
  const bare = pass.host.replace(/^\[[^\]]*\]/, '')
  const address = bare.includes(':') ? pass.host : `${pass.host}${standard}`
  const server: Directive = { ...directive, name: 'server', args: [address] }
  const peer = importPeer(draft, server, { scheme: pass.scheme, chosenByPlace: false })
  draft.put(['upstream'], peer === undefined ? [] : [peer])
  return undefined
}

/** What nginx refuses to read twice on one level. */
function sayDuplicates(draft: ImportDraft, levels: Levels): void {
  const once = new Set([...SIMPLE_PROXY_DIRECTIVES, 'proxy_ssl_verify', 'proxy_ssl_name'])
  for (const block of levels.blocks) {
    const seen = new Set<string>()
    for (const directive of block) {
      if (!once.has(directive.name)) continue
      if (seen.has(directive.name))
        draft.wrong(directive, `"${directive.name}" directive is duplicate`)
      seen.add(directive.name)
    }
  }
}

/** `set_real_ip_from`: who may say who the client is. */
function importRealIp(draft: ImportDraft, levels: Levels, headers: RequestHeaderFindings): void {
  const directives = levels.all('set_real_ip_from')
  const networks: string[] = []
  for (const directive of directives) {
    const [network = ''] = directive.args
    if (!isNetwork(network)) {
      draft.leave(directive, 'only addresses and networks can be trusted', 'trustProxy')
    } else {
      networks.push(network)
      draft.take(directive, 'trustProxy')
    }
  }
  const [first] = directives
  if (first !== undefined && networks.length > 0 && levels.one('real_ip_header') === undefined) {
    draft.leave(
      first,
      'without real_ip_header nginx reads X-Real-IP; here X-Forwarded-For is read, no other field',
      'real_ip_header X-Forwarded-For, or trustProxy with a proxy in front that sends it',
    )
  }
  const recursive = levels.one('real_ip_recursive')
  if (recursive !== undefined) flagOf(draft, recursive)
  const field = levels.one('real_ip_header')
  if (field?.args[0]?.toLowerCase() === 'x-forwarded-for') draft.take(field, 'trustProxy')
  if (networks.length > 0) draft.put(['trustProxy'], networks)
  else if (headers.appends !== undefined && draft.get('preset') === undefined) {
    draft.leave(
      headers.appends,
      'what the client itself claims in X-Forwarded-For is replaced, where nginx keeps it and adds to it: anybody can write it',
      "trustProxy: the proxy in front, for example '10.0.0.0/8'; true is nginx's behaviour",
    )
  }
}

/** `10.0.0.1`, `10.0.0.0/8`; a prefix of 0 is everybody, and that is `trustProxy: true`. */
function isNetwork(text: string): boolean {
  const [address = '', prefix = '1', ...more] = text.split('/')
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0
  const within = /^[1-9]\d{0,2}$/.test(prefix) && Number(prefix) <= bits
  return within && more.length === 0
}

/** What nginx does where nothing is written, and `preset: 'nginx'` cannot know. */
function importImplied(
  draft: ImportDraft,
  {
    headers,
    pass,
    upstream,
    preset,
  }: {
    headers: RequestHeaderFindings
    pass: ProxyPass
    upstream: Directive | undefined
    preset: 'evenkeel' | 'nginx'
  },
): void {
  const nginx = preset === 'nginx'
  if (nginx && !headers.sendsForwarded) draft.put(['forwarded'], 'none')
  if (headers.setsHost) {
    // A value that is known to nginx only: it is made of what the client says, most likely.
    if (nginx && draft.get('host') === undefined) draft.put(['host'], 'client')
    return
  }
  if (pass.host.startsWith('unix:')) return
  // nginx sends what is written in proxy_pass; where that is the name of a host, the peer needs it.
  if (upstream === undefined) draft.put(['host'], 'peer')
  else if (nginx) draft.put(['host'], pass.host)
}

/** Everything that holds here and was not spoken of. */
function sayRest(draft: ImportDraft, levels: Levels, variables: KnownVariables): void {
  for (const directive of levels.effective()) {
    const { name } = directive
    if (draft.isHandled(directive) || isSilent(name) || isImported(name)) continue
    if (variables.knows(directive)) draft.take(directive, 'put in where the variable is used')
    else if (name.startsWith('proxy_') && !isKnown(name)) {
      const words = [
        ...SIMPLE_PROXY_DIRECTIVES,
        ...EXPLAINED_NAMES,
        'proxy_next_upstream',
        'proxy_set_header',
      ]
      draft.wrong(directive, `unknown directive "${name}"${suggest(name, words)}`)
    } else {
      const { meaning, instead } = explained(name)
      draft.leave(directive, meaning, instead)
    }
  }
}

/** nginx shares its port between processes by itself. */
function sayWorkers(draft: ImportDraft, directives: readonly Directive[]): void {
  const workers = directives.find(({ name }) => name === 'worker_processes')
  if (workers === undefined || workers.args[0] === '1') return
  draft.leave(
    workers,
    'a Node process uses one core',
    'node:cluster, and zone with shareZones() of evenkeel/cluster',
  )
}

/** Read above, where it holds: a second one, or TLS without https, is not spoken of again. */
function isImported(name: string): boolean {
  return SIMPLE_PROXY_DIRECTIVES.includes(name) || IMPORTED.test(name)
}

const IMPORTED =
  /^proxy_(pass|next_upstream|(set|hide|pass)_header|redirect|cookie_(domain|path|flags)|ssl_(verify|name|ciphers|protocols|server_name|session_reuse|certificate|certificate_key|trusted_certificate))$/

interface Made {
  readonly directives: readonly Directive[]
  readonly options: FromNginxOptions
  readonly title: string
  readonly upstream: Directive | undefined
  readonly location?: LocationBlock
  readonly logFormat?: ImportedLogFormat | undefined
  readonly upgrades?: boolean
}

function finish(draft: ImportDraft, made: Made): NginxImport {
  const { directives, options, title, upstream, location, logFormat, upgrades = false } = made
  const readFile: ReadFile = options.readFile ?? (() => undefined)
  return {
    options: liveValue(draft.options, readFile) as BalancerOptions,
    draft: draft.options,
    title,
    taken: draft.taken,
    notCarriedOver: draft.notCarriedOver,
    problems: draft.problems,
    warnings: findingsIn(directives)
      .filter(({ blocks }) => concerns(blocks, upstream, location))
      .map(({ lint }) => lint),
    logFormat,
    upgrades,
  }
}

/** A finding of the lint that names blocks is about those only. */
function concerns(
  blocks: readonly Directive[],
  upstream: Directive | undefined,
  location: LocationBlock | undefined,
): boolean {
  if (blocks.length === 0) return true
  return blocks.some((block) => block === upstream || block === location?.directive)
}

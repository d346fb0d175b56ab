/** `proxy_ssl_*`: the option `tls`. */
import { createSecureContext } from 'node:tls'
import type { Directive } from './conf.js'
import { flagOf, hasVariable, leaveVariable, only } from './import-arguments.js'
import type { ImportDraft } from './import-draft.js'
import { FileText } from './import-value.js'
import type { Levels } from './levels.js'
import type { KnownVariables } from './variables.js'

const FILES: ReadonlyMap<string, string> = new Map([
  ['proxy_ssl_certificate', 'cert'],
  ['proxy_ssl_certificate_key', 'key'],
  ['proxy_ssl_trusted_certificate', 'ca'],
])
const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']

export interface TlsContext {
  readonly levels: Levels
  readonly variables: KnownVariables
  /** The `proxy_pass`. */
  readonly pass: Directive
  /** Name of the upstream, undefined where `proxy_pass` names the peer itself. */
  readonly group: string | undefined
  readonly preset: 'evenkeel' | 'nginx'
  /** Reads a certificate or key; without it they are left out of the options. */
  readonly readsFiles: boolean
}

export function importTls(draft: ImportDraft, context: TlsContext): void {
  const { levels, variables, readsFiles } = context
  const verify = levels.one('proxy_ssl_verify')
  const flag = verify && flagOf(draft, verify)
  if (verify === undefined && context.preset === 'evenkeel') {
    draft.leave(
      context.pass,
      'nginx checks no certificates of peers where proxy_ssl_verify is not on; here they are checked',
      "tls: { ca } with the peers' authority; tls: { verify: false } is nginx's behaviour",
    )
  }
  if (verify !== undefined && flag !== undefined)
    draft.set(verify, ['tls', 'verify'], flag === 'on')
  for (const [name, option] of FILES) {
    const directive = levels.one(name)
    if (directive !== undefined) importFile(draft, directive, option, readsFiles)
  }
  const serverName = levels.one('proxy_ssl_server_name')
  const sends = serverName && flagOf(draft, serverName)
  if (serverName !== undefined && sends !== undefined) draft.take(serverName, 'always sent')
  importName(draft, levels, variables)
  // nginx asks for the name of the upstream, and checks that one; ours would be each peer's own.
  const by = flag === 'on' ? verify : sends === 'on' ? serverName : undefined
  const name = context.group?.replace(/:\d+$/, '') ?? ''
  if (by !== undefined && levels.one('proxy_ssl_name') === undefined && isName(name)) {
    draft.set(by, ['tls', 'name'], name)
  }
  const ciphers = levels.one('proxy_ssl_ciphers')
  const list = ciphers && only(draft, ciphers)
  if (ciphers !== undefined && list !== undefined) {
    // nginx's own default; Node's list is as good or better.
    if (list === 'DEFAULT') draft.take(ciphers, "tls.ciphers: Node's")
    else if (!areCiphers(list))
      draft.leave(ciphers, "Node's OpenSSL takes no such list", 'tls: { ciphers }')
    else draft.set(ciphers, ['tls', 'ciphers'], list)
  }
  importVersions(draft, levels)
  const reuse = levels.one('proxy_ssl_session_reuse')
  if (reuse !== undefined) draft.take(reuse, 'sessions are resumed where the peer lets them')
}

function areCiphers(ciphers: string): boolean {
  try {
    createSecureContext({ ciphers })
    return ciphers !== ''
  } catch {
    return false
  }
}

function importFile(
  draft: ImportDraft,
  directive: Directive,
  option: string,
  readsFiles: boolean,
): void {
  const path = only(draft, directive)
  if (path === undefined || path === '') return
  if (hasVariable(path)) leaveVariable(draft, directive)
  else if (path.startsWith('engine:') || path.startsWith('store:') || path.startsWith('data:')) {
    draft.leave(directive, 'keys are taken from files only', `tls: { ${option} }`)
  } else {
    draft.set(directive, ['tls', option], new FileText(path))
    if (readsFiles) return
    draft.leave(
      directive,
      'the file is not read by fromNginx: the option is not there',
      `readFile for fromNginx, or tls: { ${option}: readFileSync('…') }`,
    )
  }
}

function importName(draft: ImportDraft, levels: Levels, variables: KnownVariables): void {
  const directive = levels.one('proxy_ssl_name')
  const given = directive && only(draft, directive)
  if (directive === undefined || given === undefined) return
  const name = variables.expand(given).replace(/:\d+$/, '')
  if (hasVariable(name)) leaveVariable(draft, directive)
  else if (isName(name)) draft.set(directive, ['tls', 'name'], name)
  else draft.leave(directive, 'that is no name of a host', 'tls: { name }')
}

function isName(text: string): boolean {
  return /^[A-Za-z\d_.:-]+$/.test(text)
}

function importVersions(draft: ImportDraft, levels: Levels): void {
  const directives = levels.all('proxy_ssl_protocols')
  const [first] = directives
  if (first === undefined) return
  const words = directives.flatMap(({ args }) => args)
  const wrong = words.find((word) => !VERSIONS.includes(word) && !/^SSLv[23]$/.test(word))
  const places = words.map((word) => VERSIONS.indexOf(word)).filter((place) => place !== -1)
  if (wrong !== undefined) draft.wrong(first, `invalid value "${wrong}"`)
  else if (places.length === 0) {
    draft.leave(first, 'SSL is not spoken any more', 'tls: { minVersion, maxVersion }')
  } else {
    draft.set(first, ['tls', 'minVersion'], VERSIONS[Math.min(...places)] ?? 'TLSv1.2')
    draft.put(['tls', 'maxVersion'], VERSIONS[Math.max(...places)] ?? 'TLSv1.3')
  }
  for (const directive of directives.slice(1)) draft.take(directive, 'tls')
}

// The architecture's import arrows, as one lint rule: see ARROWS below, and docs/CONTRIBUTING.md.
import { posix, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const src = fileURLToPath(new URL('../src', import.meta.url))

/**
 * What the files under `from` must not import.
 * `any` may not be imported at all, `values` may be imported as types only; `except` is exempt from both.
 * Entries are paths below src/ (`upstream/` is a folder), names of packages, `node:` for every built-in
 * module, or `*` for everything outside the folder `from`.
 * @typedef {{ from: RegExp, any?: string[], values?: string[], except?: string[], why: string }} Arrow
 */

/** @type {Arrow[]} */
const ARROWS = [
  {
    from: /^selection\//,
    any: ['*'],
    except: ['upstream/'],
    why: 'an algorithm imports the plug-in contract upstream/peer-selector.js and nothing else',
  },
  {
    from: /^selection\//,
    values: ['upstream/'],
    except: ['upstream/peer-selector.js'],
    why: 'an algorithm takes only types from upstream/, but for upstream/peer-selector.js',
  },
  {
    from: /^(upstream|next-upstream|overload)\//,
    any: ['http-proxy-3', 'agentkeepalive', 'debug'],
    why: 'state and decisions do no input or output',
  },
  {
    from: /^(upstream|next-upstream|overload)\//,
    values: ['*'],
    why: 'state and decisions import nothing but types',
  },
  {
    from: /^zone\/(?!(upstream-zone|shared-peers)\.ts$)/,
    any: ['node:'],
    values: ['*'],
    why: 'what workers share is worked out without sockets, processes and time of its own',
  },
  {
    from: /^sticky\//,
    any: ['*'],
    except: [
      'upstream/',
      'message/',
      'config/',
      'sticky-options.js',
      'clock.js',
      'node:crypto',
      'node:http',
    ],
    why: 'sticky sessions know requests, responses and peers, and nothing else',
  },
  {
    from: /^sticky\//,
    values: ['upstream/', 'config/', 'sticky-options.js', 'clock.js', 'node:http'],
    why: 'sticky sessions take only types from outside, but for helpers of message/',
  },
  {
    from: /^message\//,
    any: ['request-handler.js', 'request-run.js'],
    values: ['upstream/', 'transport/'],
    why: 'message/ is HTTP itself and knows no attempts',
  },
  {
    from: /^transport\//,
    any: ['request-handler.js', 'request-run.js'],
    values: ['upstream/', 'next-upstream/'],
    except: ['next-upstream/attempt-result.js'],
    why: 'a transport carries one attempt to one peer and decides nothing',
  },
  {
    from: /^(?!testing\/|index\.ts$)/,
    any: ['testing/'],
    why: 'the test kit is for tests',
  },
  {
    from: /^(?!index\.ts$)/,
    any: ['balancer.js', 'index.js'],
    why: 'the composition root is imported by the public surface alone',
  },
  {
    from: /^(?!transport\/http-proxy\/)/,
    any: ['http-proxy-3'],
    why: 'http-proxy-3 appears in src/transport/http-proxy/ only',
  },
  {
    from: /^(?!transport\/undici\/)/,
    any: ['undici'],
    why: 'undici appears in src/transport/undici/ only: it need not be installed',
  },
  {
    from: /^(?!(transport\/undici\/|undici\.ts$))/,
    any: ['transport/undici/', 'undici.js'],
    why: 'the undici transport is for the subpath evenkeel/undici alone',
  },
  {
    from: /^(?!transport\/(agents|keepalive-agent)\.ts$)/,
    any: ['agentkeepalive'],
    why: 'agentkeepalive appears in src/transport/agents.ts and keepalive-agent.ts only',
  },
  {
    from: /^(?!(discovery\/|discovery\.ts$))/,
    any: ['discovery/', 'discovery.js', 'yaml'],
    why: 'sources of peers are for the subpath evenkeel/discovery alone, and yaml need not be installed',
  },
  {
    from: /^discovery\//,
    values: ['*'],
    except: ['node:', 'yaml', 'clock.js', 'config/'],
    why: 'a source of peers knows no upstream',
  },
  {
    from: /^doctor\//,
    any: ['node:'],
    values: ['*'],
    except: ['config/', 'nginx/', 'observe/log-format.js'],
    why: 'the doctor is given lines and directives, and does no input or output',
  },
  {
    from: /^(?!(doctor\/|cli\/|index\.ts$))/,
    any: ['doctor/'],
    why: 'the doctor is for the command line',
  },
  {
    from: /^(?!(cli\/))/,
    any: ['cli/'],
    why: 'commands are for the command line alone',
  },
  {
    from: /^nginx\//,
    values: ['*'],
    except: [
      'node:',
      'config/',
      'observe/log-format.js',
      'errors.js',
      'message/field-rules.js',
      'next-upstream/condition.js',
    ],
    why: 'nginx configuration is read without a balancer',
  },
  {
    from: /^(?!(observe\/prometheus|prometheus\.ts$))/,
    any: ['prom-client', 'prometheus.js', 'observe/prometheus/'],
    why: 'metrics are for the subpath evenkeel/prometheus alone: prom-client need not be installed',
  },
  {
    from: /^(?!(observe\/opentelemetry|opentelemetry\.ts$))/,
    any: ['@opentelemetry/api', 'opentelemetry.js', 'observe/opentelemetry/'],
    why: 'traces are for the subpath evenkeel/opentelemetry alone: @opentelemetry/api need not be installed',
  },
  {
    from: /^(?!debug\.ts$)/,
    any: ['debug'],
    why: 'debug appears in src/debug.ts only',
  },
]

/** @param {string} file path below src/ @param {string} specifier */
function targetOf(file, specifier) {
  return specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : specifier
}

/** @param {string[]} entries @param {string} target @param {string} file */
function names(entries, target, file) {
  return entries.some((entry) => {
    if (entry === '*') return !target.startsWith(`${String(file.split('/')[0])}/`)
    if (entry === 'node:') return target.startsWith('node:')
    return entry.endsWith('/') ? target.startsWith(entry) : packageOrFile(target, entry)
  })
}

/** @param {string} target @param {string} entry */
function packageOrFile(target, entry) {
  return target === entry || target.startsWith(`${entry}/`)
}

/**
 * The reason why the import is forbidden, or undefined.
 * @param {string} file path of the importing file below src/
 * @param {string} specifier
 * @param {boolean} typeOnly
 */
export function forbidden(file, specifier, typeOnly) {
  const target = targetOf(file, specifier)
  const arrow = ARROWS.find(({ from, any = [], values = [], except = [] }) => {
    if (!from.test(file) || names(except, target, file)) return false
    return names(any, target, file) || (!typeOnly && names(values, target, file))
  })
  return arrow?.why
}

/** @param {any} node an import or export declaration */
function isTypeOnly(node) {
  const kind = node.importKind ?? node.exportKind
  return kind === 'type'
}

/** @type {import('eslint').Rule.RuleModule} */
export const arrows = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { forbidden: 'src/{{ file }} must not import {{ what }}: {{ why }}.' },
  },
  create(context) {
    const file = relative(src, resolve(context.cwd, context.filename)).split(sep).join('/')
    if (file.startsWith('../')) return {}

    /** @param {any} node @param {any} source @param {boolean} typeOnly */
    function check(node, source, typeOnly) {
      if (typeof source?.value !== 'string') return
      const why = forbidden(file, source.value, typeOnly)
      if (why === undefined) return
      const what = typeOnly ? `'${source.value}'` : `values of '${source.value}'`
      context.report({ node, messageId: 'forbidden', data: { file, what, why } })
    }

    return {
      ImportDeclaration: (node) => check(node, node.source, isTypeOnly(node)),
      ExportNamedDeclaration: (node) => check(node, node.source, isTypeOnly(node)),
      ExportAllDeclaration: (node) => check(node, node.source, isTypeOnly(node)),
      ImportExpression: (node) => check(node, node.source, false),
      TSImportType: (/** @type {any} */ node) => check(node, node.source, true),
    }
  },
}

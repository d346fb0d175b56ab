/** What is being made of a configuration: the options so far, and what became of each directive. */
import type { Directive } from './conf.js'
import { printable } from './config-error.js'
import { HIDDEN } from '../config/show.js'
import { isSecretField } from '../message/field-rules.js'
import type { Value, ValueMap } from './import-value.js'

/** Where a directive stands, and its text: what it says is shortened, and secrets are not in it. */
export interface DirectivePlace {
  /** `proxy_read_timeout 180s`. */
  readonly directive: string
  readonly file: string
  readonly line: number
}

/** A directive that became an option. */
export interface TakenDirective extends DirectivePlace {
  /** The option (`readTimeout`), or in words what evenkeel does anyway. */
  readonly option: string
}

/** A directive that has no counterpart. */
export interface DirectiveNotCarriedOver extends DirectivePlace {
  /** What that means. */
  readonly meaning: string
  /** What to do instead. */
  readonly instead: string
}

/** A directive that is wrong: nginx does not start with it, or not with all it says. */
export interface DirectiveProblem extends DirectivePlace {
  /** nginx's own text, where nginx has one. */
  readonly message: string
}

const LONGEST = 120

/** The directive as it may be shown. */
function placeOf({ name, args, file, line }: Directive): DirectivePlace {
  const text = printable([name, ...shownArguments(name, args)].join(' '))
  return { directive: text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text, file, line }
}

/** Their arguments are names and values: `proxy_set_header Authorization …`, `set $api_key …`, `if ($http_x_token = …)`. */
const WITH_VALUES: ReadonlySet<string> = new Set([
  ...[
    'proxy_set_header',
    'add_header',
    'set',
    'if',
    'return',
    'rewrite',
    'sub_filter',
    'proxy_set_body',
  ],
])

function shownArguments(name: string, args: readonly string[]): readonly string[] {
  const [first = ''] = args
  if (WITH_VALUES.has(name) && args.length > 1 && isSecretField(first)) return [first, HIDDEN]
  return args.map((text) => (text === '' ? '""' : text.replace(/\/\/[^/\s@]*@/g, `//${HIDDEN}@`)))
}

export class ImportDraft {
  readonly options: ValueMap = new Map()
  readonly taken: TakenDirective[] = []
  readonly notCarriedOver: DirectiveNotCarriedOver[] = []
  readonly problems: DirectiveProblem[] = []
  readonly #handled = new Set<Directive>()

  /** Sets an option, at a path such as `['nextUpstream', 'tries']`. */
  set(directive: Directive, path: readonly string[], value: Value): void {
    this.put(path, value)
    this.take(directive, path.join('.'))
  }

  /** Sets an option that several directives, or none, stand for. */
  put(path: readonly string[], value: Value): void {
    const last = path.length - 1
    let map = this.options
    for (const name of path.slice(0, last)) {
      const next = map.get(name)
      const child: ValueMap = next instanceof Map ? next : new Map<string, Value>()
      map.set(name, child)
      map = child
    }
    map.set(path[last] ?? '', value)
  }

  get(...path: readonly string[]): Value | undefined {
    let value: Value | undefined = this.options
    for (const name of path) value = value instanceof Map ? value.get(name) : undefined
    return value
  }

  take(directive: Directive, option: string): void {
    this.#handled.add(directive)
    this.taken.push({ ...placeOf(directive), option })
  }

  leave(directive: Directive, meaning: string, instead: string): void {
    this.#handled.add(directive)
    this.notCarriedOver.push({ ...placeOf(directive), meaning, instead })
  }

  wrong(directive: Directive, message: string): void {
    this.#handled.add(directive)
    this.problems.push({ ...placeOf(directive), message: printable(message) })
  }

  /** Nothing is to be said of it: another one stands in its place, or it says what is so anyway. */
  skip(directive: Directive): void {
    this.#handled.add(directive)
  }

  isHandled(directive: Directive): boolean {
    return this.#handled.has(directive)
  }
}

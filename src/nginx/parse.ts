/** Reads nginx configuration: the text, and what it includes, as a tree of directives. */
import type { Directive } from './conf.js'
import { NginxConfigError } from './config-error.js'
import { filesOfDump, includeFromDump } from './dump.js'
import { isPattern } from './glob.js'
import { entriesOf, hasLua, wrongEnding } from './grammar.js'
import { TokenReader } from './read-token.js'

export interface ConfigFile {
  readonly file: string
  readonly text: string
}

/**
 * The files that an `include` names: those that fit a pattern, in the order of their names, or the one file. An empty
 * list for a name without `*`, `?` and `[` is an error, as it is in nginx.
 */
export type IncludeFiles = (pattern: string, fromFile: string) => readonly ConfigFile[]

export interface ParseNginxOptions {
  /** Name of the file for messages. Default `nginx.conf`. */
  readonly file?: string | undefined
  /** Default: `include` stays in the tree as a directive. */
  readonly include?: IncludeFiles | undefined
}

/** Levels of blocks. nginx has no limit but its stack; configurations have six. */
const DEEPEST = 100
/** Levels of files, and files in all: two that include each other twice would never end. */
const DEEPEST_INCLUDE = 16
const MOST_FILES = 2000
/** A tree of more than that would not fit into memory. */
const MOST_DIRECTIVES = 1_000_000

/**
 * Takes configuration apart exactly as nginx does (`ngx_conf_read_token`): the same quotes, escapes and comments, the same
 * errors. The output of `nginx -T` is understood as well. Directives need not be known, and may stand anywhere: a file
 * that others include can be read by itself.
 * @throws {NginxConfigError} with nginx's own text, file and line.
 */
export function parseNginxConfig(
  text: string,
  options: ParseNginxOptions = {},
): readonly Directive[] {
  const files = filesOfDump(text)
  const [main] = files ?? []
  if (files !== undefined && main !== undefined) {
    return new ConfigParser(includeFromDump(files)).parse(main)
  }
  return new ConfigParser(options.include).parse({ text, file: options.file ?? 'nginx.conf' })
}

/** A file that is being read. */
interface OpenFile {
  readonly reader: TokenReader
  /** Blocks that were open where its `include` stands. */
  readonly depth: number
  /** How many files include one another down to this one. */
  readonly level: number
}

interface OpenBlock {
  readonly name: string | undefined
  readonly directives: Directive[]
}

/** Works with stacks of its own: no depth of blocks or files can overflow that of the program. */
class ConfigParser {
  readonly #include: IncludeFiles | undefined
  readonly #files: OpenFile[] = []
  readonly #top: OpenBlock = { name: undefined, directives: [] }
  readonly #blocks: OpenBlock[] = [this.#top]
  #filesRead = 0
  #directives = 0

  constructor(include: IncludeFiles | undefined) {
    this.#include = include
  }

  parse(main: ConfigFile): readonly Directive[] {
    this.#open(main, 1)
    for (let open = this.#files.at(-1); open !== undefined; open = this.#files.at(-1)) {
      this.#readOne(open)
    }
    return this.#top.directives
  }

  #open({ file, text }: ConfigFile, level: number): void {
    this.#filesRead++
    this.#files.push({ reader: new TokenReader(text, file), depth: this.#blocks.length, level })
  }

  #readOne(open: OpenFile): void {
    const { reader, depth } = open
    const ending = reader.read()
    if (ending === 'end of file') {
      if (this.#blocks.length > depth) {
        throw reader.fail('unexpected end of file, expecting "}"')
      }
      this.#files.pop()
    } else if (ending === '}') {
      if (this.#blocks.length === depth) throw reader.fail('unexpected "}"')
      this.#blocks.pop()
    } else this.#add(open, ending)
  }

  #add(open: OpenFile, ending: ';' | '{'): void {
    const { reader } = open
    const [name = '', ...args] = reader.words
    const { name: parent, directives } = this.#blocks.at(-1) ?? this.#top
    const entries = entriesOf(parent)
    const line = reader.startLine
    if (++this.#directives > MOST_DIRECTIVES) throw reader.fail('too many directives')
    if (ending === '{' && entries === undefined && hasLua(name)) {
      args.push(reader.readLua())
      directives.push({ name, args, block: undefined, file: reader.file, line })
      return
    }
    const wrong = wrongEnding(name, parent, ending)
    if (wrong !== undefined) throw reader.fail(wrong)
    if (name === 'include' && entries?.includes !== false && this.#includes(open, args)) return
    const block: Directive[] | undefined = ending === '{' ? [] : undefined
    directives.push({ name, args, block, file: reader.file, line })
    if (block === undefined) return
    if (this.#blocks.length > DEEPEST) throw reader.fail('blocks are nested too deep')
    this.#blocks.push({ name, directives: block })
  }

  /** Opens the files in place of the directive. False when nobody can. */
  #includes({ reader, level }: OpenFile, args: readonly string[]): boolean {
    const [pattern = ''] = args
    if (args.length !== 1) throw reader.fail('invalid number of arguments in "include" directive')
    if (this.#include === undefined) return false
    const files = this.#include(pattern, reader.file)
    if (files.length === 0 && !isPattern(pattern)) {
      throw reader.fail(`open() "${pattern}" failed (2: No such file or directory)`)
    }
    if (files.length > 0 && level >= DEEPEST_INCLUDE) {
      throw reader.fail(`open() "${pattern}" failed (24: Too many open files)`)
    }
    if (this.#filesRead + files.length > MOST_FILES) throw reader.fail('too many included files')
    // The last one opened is read first.
    for (const file of files.toReversed()) this.#open(file, level + 1)
    return true
  }
}

export { NginxConfigError }

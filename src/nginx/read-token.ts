/** The words of a configuration file, as `ngx_conf_read_token` takes them apart. */
import { unescapeText } from './unescape.js'
import { NginxConfigError } from './config-error.js'
import { luaBlockEnd } from './lua-block.js'

/** How the words that were read ended. */
export type Ending = ';' | '{' | '}' | 'end of file'

/** nginx's NGX_CONF_BUFFER, in bytes: no word, and no comment, is longer. */
const LONGEST_WORD = 4096

const Char = {
  TAB: 9,
  LF: 10,
  CR: 13,
  SPACE: 32,
  DOUBLE_QUOTE: 34,
  SHARP: 35,
  DOLLAR: 36,
  SINGLE_QUOTE: 39,
  PARENTHESIS: 41,
  SEMICOLON: 59,
  BACKSLASH: 92,
  OPEN: 123,
  CLOSE: 125,
} as const

/** Reads one file. After each `read` the fields tell what was found. */
export class TokenReader {
  readonly file: string
  /** The words before the ending. */
  words: string[] = []
  /** Where the first of the words begins. */
  startLine = 1
  readonly #text: string
  #at = 0
  #line = 1
  /** Of the word that is being read: where it begins, in which line, and its bytes up to here. */
  #start = 0
  #wordLine = 1
  #bytes = 0

  constructor(text: string, file: string) {
    this.#text = text
    this.file = file
  }

  /** The line that has been reached. */
  get line(): number {
    return this.#line
  }

  fail(reason: string, line = this.#line): NginxConfigError {
    return new NginxConfigError(reason, this.file, line)
  }

  /**
   * Reads to the next `;`, `{`, `}` or the end of the file.
   * @throws {NginxConfigError}
   */
  read(): Ending {
    this.words = []
    for (;;) {
      const char = this.#skipSpace()
      if (Number.isNaN(char)) {
        if (this.words.length === 0) return 'end of file'
        throw this.#unexpectedEnd()
      }
      const ending = this.#endingAt(char)
      if (ending !== undefined) return ending
      if (this.words.length === 0) this.startLine = this.#line
      const after = this.#readWord(char)
      if (after !== undefined) return after
    }
  }

  /** After `name_by_lua_block … {`: the code up to the brace that ends it. */
  readLua(): string {
    const begin = this.#at
    const end = luaBlockEnd(this.#text, begin)
    if (end === undefined) {
      throw this.fail('unexpected end of file, expecting terminating characters for lua code block')
    }
    const code = this.#text.slice(begin, end)
    for (let at = code.indexOf('\n'); at !== -1; at = code.indexOf('\n', at + 1)) this.#line++
    this.#at = end + 1
    return code
  }

  /** To the first character that is neither space nor comment: it is not taken yet. NaN at the end. */
  #skipSpace(): number {
    for (;;) {
      const char = this.#text.charCodeAt(this.#at)
      if (char === Char.SHARP) this.#skipComment()
      else if (!isSpace(char)) return char
      else this.#skip(char)
    }
  }

  #skip(char: number): void {
    if (char === Char.LF) this.#line++
    this.#at++
  }

  /** A comment stands in nginx's buffer like a word, up to its LF. */
  #skipComment(): void {
    this.#begin(this.#at)
    for (;;) {
      const char = this.#text.charCodeAt(this.#at)
      if (Number.isNaN(char)) return
      this.#take(char)
      if (char === Char.LF) return
    }
  }

  /** `;`, `{` and `}` where a word could begin. */
  #endingAt(char: number): Ending | undefined {
    if (char !== Char.SEMICOLON && char !== Char.OPEN && char !== Char.CLOSE) return undefined
    const ending = String.fromCharCode(char) as ';' | '{' | '}'
    if (this.words.length > 0 === (ending === '}')) throw this.fail(`unexpected "${ending}"`)
    this.#at++
    return ending
  }

  /** One word, and the `;` or `{` that ends it. */
  #readWord(first: number): Ending | undefined {
    const quote = first === Char.DOUBLE_QUOTE || first === Char.SINGLE_QUOTE ? first : 0
    if (quote !== 0) this.#at++
    this.#begin(this.#at)
    const escaped = this.#toWordEnd(quote)
    const word = this.#text.slice(this.#start, this.#at)
    if (word.includes('\0')) throw this.fail('unexpected "\0"', this.#wordLine)
    this.words.push(escaped ? unescapeText(word) : word)
    const char = this.#text.charCodeAt(this.#at)
    this.#take(char, quote)
    return quote === 0 ? endingOf(char) : this.#afterQuote()
  }

  /** Up to the character that ends the word; says whether there is a backslash in it. */
  #toWordEnd(quote: number): boolean {
    let escaped = false
    /** `{` after a `$` belongs to the name of a variable. */
    let variable = false
    for (;;) {
      const char = this.#text.charCodeAt(this.#at)
      if (char === Char.OPEN && variable) {
        this.#take(char, quote)
        continue
      }
      variable = char === Char.DOLLAR
      if (char === Char.BACKSLASH) {
        escaped = true
        this.#take(char, quote)
        this.#take(this.#text.charCodeAt(this.#at), quote)
        continue
      }
      if (quote === 0 ? isSpace(char) || endingOf(char) !== undefined : char === quote) {
        return escaped
      }
      this.#take(char, quote)
    }
  }

  /** A quoted word is followed by space, `;`, `{`, or a `)` that begins the next word: `if ($a = "b")`. */
  #afterQuote(): Ending | undefined {
    const char = this.#text.charCodeAt(this.#at)
    if (Number.isNaN(char)) throw this.#unexpectedEnd()
    if (this.#bytes === LONGEST_WORD) throw this.#tooLong(0)
    if (isSpace(char) || char === Char.PARENTHESIS) return undefined
    const ending = endingOf(char)
    if (ending === undefined) {
      throw this.fail(`unexpected "${String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0)}"`)
    }
    this.#at++
    return ending
  }

  #begin(at: number): void {
    this.#start = at
    this.#wordLine = this.#line
    this.#bytes = 0
  }

  /** One character further; within a word it is counted. */
  #take(char: number, quote = 0): void {
    if (Number.isNaN(char)) throw this.#unexpectedEnd()
    this.#bytes += bytesOf(char)
    if (this.#bytes > LONGEST_WORD) throw this.#tooLong(quote)
    this.#skip(char)
  }

  #tooLong(quote: number): NginxConfigError {
    const reason =
      quote === 0
        ? `too long parameter "${tenBytes(this.#text, this.#start)}..." started`
        : `too long parameter, probably missing terminating "${String.fromCharCode(quote)}" character`
    return this.fail(reason, this.#wordLine)
  }

  #unexpectedEnd(): NginxConfigError {
    return this.fail('unexpected end of file, expecting ";" or "}"')
  }
}

/** As much as nginx shows. */
function tenBytes(text: string, from: number): string {
  return Buffer.from(text.slice(from, from + 10))
    .subarray(0, 10)
    .toString()
}

function isSpace(char: number): boolean {
  return char === Char.SPACE || char === Char.LF || char === Char.TAB || char === Char.CR
}

function endingOf(char: number): ';' | '{' | undefined {
  if (char === Char.SEMICOLON) return ';'
  return char === Char.OPEN ? '{' : undefined
}

/** Bytes in UTF-8; each half of a surrogate pair is half of four. */
function bytesOf(char: number): number {
  if (char < 0x80) return 1
  if (char < 0x800 || (char >= 0xd800 && char < 0xe000)) return 2
  return 3
}

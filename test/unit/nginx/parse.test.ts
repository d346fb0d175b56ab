/** The reader of nginx configuration: its words, its errors, includes and dumps. What nginx itself says: test/conformance. */
import { describe, expect, it } from 'vitest'
import { parseNginxConfig } from '../../../src/nginx/parse.js'
import type { Directive } from '../../../src/nginx/conf.js'

/** `a b { c; }` as nested arrays. */
type Plain = readonly (readonly (string | Plain)[])[]

const plain = (directives: readonly Directive[]): Plain =>
  directives.map(({ name, args, block }) =>
    block === undefined ? [name, ...args] : [name, ...args, plain(block)],
  )
const read = (text: string): Plain => plain(parseNginxConfig(text))

const error = (text: string): string => {
  try {
    parseNginxConfig(text)
  } catch (thrown) {
    return (thrown as Error).message
  }
  return 'none'
}

describe('words', () => {
  it.each<[string, Plain]>([
    ['', []],
    [' \t\r\n # all comment', []],
    ['a;', [['a']]],
    ['a b\tc\r\nd;', [['a', 'b', 'c', 'd']]],
    ['a{b;}c;', [['a', [['b']]], ['c']]],
    ['a { b { } }', [['a', [['b', []]]]]],
    [`a "b c" 'd "e"' "f 'g'";`, [['a', 'b c', 'd "e"', "f 'g'"]]],
    ['a "";', [['a', '']]],
    ['a "b"{}', [['a', 'b', []]]],
    ['a "b\nc";', [['a', 'b\nc']]],
    [String.raw`a \"b\" \'c\' \\d \t\r\n \x;`, [['a', '"b"', "'c'", '\\d', '\t\r\n', '\\x']]],
    // A backslash keeps what follows in the word, and stays.
    [String.raw`a b\ c\;d\{e;`, [['a', String.raw`b\ c\;d\{e`]]],
    // Quotes count at the beginning of a word only.
    [`a b"c 'd"e';`, [['a', 'b"c', 'd"e']]],
    // A comment begins where a word could.
    ['a b#c # d ;\n e;', [['a', 'b#c', 'e']]],
    ['a "#b" #c;\n;', [['a', '#b']]],
    // A brace after a dollar belongs to a variable.
    ['a ${b}c $d{}', [['a', '${b}c', '$d', []]]],
    ['a "${b}";', [['a', '${b}']]],
    ['a b}c;', [['a', 'b}c']]],
    // After a quoted word a parenthesis begins the next.
    ['if ($a = "b") { c; }', [['if', '($a', '=', 'b', ')', [['c']]]]],
    ['a é 漢 "𝄞";', [['a', 'é', '漢', '𝄞']]],
    [
      'map $a $b { default 1; "~^x;{" 2; if 3; }',
      [
        [
          'map',
          '$a',
          '$b',
          [
            ['default', '1'],
            ['~^x;{', '2'],
            ['if', '3'],
          ],
        ],
      ],
    ],
    [
      'types { a/b c d; include x; }',
      [
        [
          'types',
          [
            ['a/b', 'c', 'd'],
            ['include', 'x'],
          ],
        ],
      ],
    ],
  ])('%j', (text, tree) => {
    expect(read(text)).toEqual(tree)
  })

  it('says where a directive begins', () => {
    const [a, b] = parseNginxConfig('# x\na\n  b\n{\n\nc;\n}\n"d\n" e;', { file: 'f.conf' })
    expect(a).toMatchObject({ name: 'a', file: 'f.conf', line: 2 })
    expect(a?.block?.[0]).toMatchObject({ name: 'c', line: 6 })
    expect(b).toMatchObject({ name: 'd\n', args: ['e'], line: 8 })
  })
})

describe('errors', () => {
  it.each([
    ['a', 'unexpected end of file, expecting ";" or "}" in nginx.conf:1'],
    ['a b\n#c;', 'unexpected end of file, expecting ";" or "}" in nginx.conf:2'],
    ['a "b;', 'unexpected end of file, expecting ";" or "}" in nginx.conf:1'],
    ['a\n"b"', 'unexpected end of file, expecting ";" or "}" in nginx.conf:2'],
    ['a \\', 'unexpected end of file, expecting ";" or "}" in nginx.conf:1'],
    ['a {\nb;\n', 'unexpected end of file, expecting "}" in nginx.conf:3'],
    ['a; }', 'unexpected "}" in nginx.conf:1'],
    ['a { b }', 'unexpected "}" in nginx.conf:1'],
    [';', 'unexpected ";" in nginx.conf:1'],
    ['a;;', 'unexpected ";" in nginx.conf:1'],
    ['{', 'unexpected "{" in nginx.conf:1'],
    ['a "b"c;', 'unexpected "c" in nginx.conf:1'],
    ['a "b""c";', 'unexpected """ in nginx.conf:1'],
    ['a "b"𝄞;', 'unexpected "𝄞" in nginx.conf:1'],
    ['a "b"\x1b;', 'unexpected "\\x1b" in nginx.conf:1'],
    ['a b\0c;', 'unexpected "\\x00" in nginx.conf:1'],
    ['map $a $b { c { d; } }', 'unexpected "{" in nginx.conf:1'],
    ['http;', 'directive "http" has no opening "{" in nginx.conf:1'],
    ['server a;', 'directive "server" has no opening "{" in nginx.conf:1'],
    ['upstream u { server a { } }', 'directive "server" is not terminated by ";" in nginx.conf:1'],
    [
      'proxy_pass http://a\nlocation / {}',
      'directive "proxy_pass" is not terminated by ";" in nginx.conf:2',
    ],
    ['include a b;', 'invalid number of arguments in "include" directive in nginx.conf:1'],
    [
      '\n\na ' + 'x'.repeat(4097) + ';',
      'too long parameter "xxxxxxxxxx..." started in nginx.conf:3',
    ],
    [
      '\na "\n' + 'x'.repeat(4097) + '";',
      'too long parameter, probably missing terminating """ character in nginx.conf:2',
    ],
    [
      "a '" + 'x'.repeat(4097) + "';",
      'too long parameter, probably missing terminating "\'" character in nginx.conf:1',
    ],
    ['a ' + 'x'.repeat(4095) + ';', 'none'],
    ['a ' + 'x'.repeat(4096) + ';', 'too long parameter "xxxxxxxxxx..." started in nginx.conf:1'],
    ['a ' + 'é'.repeat(2048) + ';', 'too long parameter "ééééé..." started in nginx.conf:1'],
    ['#' + 'x'.repeat(5000) + '\na;', 'too long parameter "#xxxxxxxxx..." started in nginx.conf:1'],
    [' '.repeat(9000) + 'a;', 'none'],
    ['a {'.repeat(90) + '}'.repeat(90), 'none'],
    ['a {'.repeat(100_000), 'blocks are nested too deep in nginx.conf:1'],
    [
      'a_by_lua_block { if x',
      'unexpected end of file, expecting terminating characters for lua code block in nginx.conf:1',
    ],
  ])('%j', (text, message) => {
    expect(error(text)).toBe(message)
  })
})

describe('Lua', () => {
  it('is one text, whatever braces are in its strings and comments', () => {
    const lua = ` local a = { "}", '\\'}', [[ } ]], [==[ ]] } ]==] } -- }
      --[[ } \n ]] ngx.say(a) `
    const [directive, after] = parseNginxConfig(`content_by_lua_block {${lua}}\nb;`)
    expect(directive).toMatchObject({ name: 'content_by_lua_block', args: [lua], block: undefined })
    expect(after).toMatchObject({ name: 'b', line: 4 })
  })
})

describe('includes', () => {
  const include = (pattern: string) =>
    pattern === 'all/*'
      ? [
          { file: 'all/1', text: 'b;' },
          { file: 'all/2', text: '\nc { d; }' },
        ]
      : pattern === 'self'
        ? [{ file: 'self', text: 'include self;' }]
        : pattern === 'twice'
          ? [{ file: 'twice', text: 'e { include twice; } include twice;' }]
          : pattern === 'open'
            ? [{ file: 'open', text: 'a {' }]
            : pattern === 'close'
              ? [{ file: 'close', text: '}' }]
              : []

  it('stand in place, with file and line of their own', () => {
    const [a, last] = parseNginxConfig('a {\ninclude all/*; include none/*; e;\n}\nf;', { include })
    expect(a?.block?.map(({ name, file, line }) => `${name} ${file}:${line}`)).toEqual([
      'b all/1:1',
      'c all/2:2',
      'e nginx.conf:2',
    ])
    expect(last).toMatchObject({ name: 'f', line: 4 })
  })

  it('may be many, and each may include', () => {
    const many = (pattern: string) =>
      pattern === '*'
        ? Array.from({ length: 50 }, (_, i) => ({ file: `${i}`, text: 'include one;' }))
        : [{ file: 'one', text: 'a;' }]
    expect(parseNginxConfig('include *;', { include: many })).toHaveLength(50)
  })

  it.each([
    ['include none;', 'open() "none" failed (2: No such file or directory) in nginx.conf:1'],
    ['include self;', 'open() "self" failed (24: Too many open files) in self:1'],
    ['include twice;', 'open() "twice" failed (24: Too many open files) in twice:1'],
    ['b { include close;', 'unexpected "}" in close:1'],
    ['include open; }', 'unexpected end of file, expecting "}" in open:1'],
  ])('%s', (text, message) => {
    expect(() => parseNginxConfig(text, { include })).toThrow(message)
  })

  it('without a reader the directive stays', () => {
    expect(read('include x/*.conf;')).toEqual([['include', 'x/*.conf']])
  })
})

describe('the output of nginx -T', () => {
  const dump = [
    'nginx: the configuration file /etc/nginx/nginx.conf syntax is ok',
    '# configuration file /etc/nginx/nginx.conf:',
    'http {',
    'include mime.types;',
    'include conf.d/*.conf;',
    '}',
    '',
    '# configuration file /etc/nginx/mime.types:',
    'types { a/b c; }',
    '',
    '# configuration file /etc/nginx/conf.d/b.conf:',
    'b;',
    '',
    '# configuration file /etc/nginx/conf.d/a.conf:',
    '# x',
    'a;',
    '',
    '# configuration file /etc/nginx/conf.d/.c.conf:',
    'c;',
    '',
  ].join('\n')

  it('is put together again', () => {
    const [http] = parseNginxConfig(dump)
    expect(http?.block?.map(({ name, file, line }) => `${name} ${file}:${line}`)).toEqual([
      'types /etc/nginx/mime.types:1',
      'a /etc/nginx/conf.d/a.conf:2',
      'b /etc/nginx/conf.d/b.conf:1',
    ])
  })

  it('lacks no file', () => {
    expect(() => parseNginxConfig(dump.replaceAll('mime.types:', 'x:'))).toThrow(
      'open() "mime.types" failed (2: No such file or directory) in /etc/nginx/nginx.conf:2',
    )
  })
})

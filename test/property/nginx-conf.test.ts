/** nginx configuration: what is printed is read back the same; nothing crashes the reader, the import or the lint. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createBalancer,
  fromNginx,
  lintNginx,
  NginxConfigError,
  NginxImportError,
  parseNginxConfig,
  printImport,
} from 'evenkeel'
import type { Directive } from 'evenkeel'

interface Plain {
  readonly name: string
  readonly args: readonly string[]
  readonly block: readonly Plain[] | undefined
}

/** Names that nginx and the reader know nothing of. */
const name = fc.stringMatching(/^[a-z]{1,6}_x$/)
const word = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.string({ unit: fc.constantFrom(...Array.from('ab \t\r\n\\"\'{};#$()é𝄞')), maxLength: 12 }),
  )
  .filter((text) => !text.includes('\0'))

const { tree } = fc.letrec<{ tree: Plain[]; directive: Plain }>((tie) => ({
  directive: fc.record({
    name,
    args: fc.array(word, { maxLength: 4 }),
    block: fc.option(tie('tree'), { nil: undefined, depthSize: 'small' }),
  }),
  tree: fc.array(tie('directive'), { maxLength: 4, depthIdentifier: 'tree' }),
}))

/** In one of the ways that a word can be written. */
function written(text: string, quote: number): string {
  if (quote === 0 && /^[\wé]+$/.test(text)) return text
  const mark = quote === 1 ? "'" : '"'
  // A backslash is doubled; a $ before a brace would take it for a variable's, which changes nothing within quotes.
  return `${mark}${text.replaceAll('\\', '\\\\').replaceAll(mark, `\\${mark}`)}${mark}`
}

function print(tree: readonly Plain[], quote: number): string {
  return tree
    .map(({ name, args, block }) => {
      const words = [name, ...args.map((arg) => written(arg, quote))].join(' ')
      return block === undefined ? `${words} ;\n` : `${words} { # } \n${print(block, quote)}}\n`
    })
    .join('')
}

function plain(tree: readonly Directive[]): Plain[] {
  return tree.map(({ name, args, block }) => ({ name, args, block: block && plain(block) }))
}

describe('the reader', () => {
  it('reads back what was written', () => {
    fc.assert(
      fc.property(tree, fc.constantFrom(0, 1, 2), (directives, quote) => {
        expect(plain(parseNginxConfig(print(directives, quote)))).toEqual(directives)
      }),
    )
  })

  const PIECES = [
    'a',
    ' ',
    '\n',
    '{',
    '}',
    ';',
    '"',
    "'",
    '\\',
    '#',
    '$',
    '${',
    ')',
    '\0',
    'é',
    'include x;',
    'a_by_lua_block {',
    '--[[',
    ']]',
    'map {',
    'server',
    'upstream u {',
    'location / {',
    'proxy_pass http://u;',
    'server b weight=2;',
    'if (',
  ]

  it('takes or refuses any text, and so do the import and the lint', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }), (pieces) => {
        const text = pieces.join('')
        try {
          lintNginx(parseNginxConfig(text))
          const imported = fromNginx(text, { location: '/' })
          printImport(imported)
        } catch (error) {
          expect(error instanceof NginxConfigError || error instanceof NginxImportError).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('what is imported without a problem is what createBalancer takes', () => {
    const value = fc.constantFrom(
      'on',
      'off',
      '0',
      '1',
      '10s',
      '500ms',
      '16k',
      '8 4k',
      '$host',
      'http_500 error',
      'off http_502',
      '127.0.0.1',
      '/a /b',
      '~^/a(.*) /$1',
      'X-A "b c"',
      'Host x.org',
      'TLSv1.2',
      'a b c',
      '1.1',
      'cookie s expires=1h',
      '$cookie_a consistent',
    )
    const inUpstream = fc.constantFrom(
      'keepalive',
      'keepalive_timeout',
      'keepalive_requests',
      'keepalive_time',
      'queue',
      'zone',
      'hash',
      'least_conn',
      'random',
      'sticky',
      'server 10.0.0.1',
    )
    const inLocation = fc.constantFrom(
      'proxy_read_timeout',
      'proxy_connect_timeout',
      'proxy_buffers',
      'proxy_buffer_size',
      'proxy_buffering',
      'proxy_next_upstream',
      'proxy_next_upstream_tries',
      'proxy_next_upstream_timeout',
      'proxy_set_header',
      'add_header',
      'proxy_hide_header',
      'proxy_redirect',
      'proxy_cookie_path',
      'proxy_cookie_domain',
      'proxy_bind',
      'proxy_ssl_protocols',
      'proxy_ssl_name',
      'proxy_temp_path',
      'client_max_body_size',
      'limit_rate',
      'rewrite',
      'set_real_ip_from',
      'proxy_http_version',
    )
    const lines = (names: fc.Arbitrary<string>): fc.Arbitrary<string> =>
      fc
        .array(fc.tuple(names, value), { maxLength: 6 })
        .map((all) => all.map((line) => `${line.join(' ')};`).join('\n'))
    fc.assert(
      fc.property(
        lines(inUpstream),
        lines(inLocation),
        fc.constantFrom('http', 'https'),
        fc.constantFrom('evenkeel', 'nginx'),
        (upstream, location, scheme, preset) => {
          const text = `upstream u { server 10.0.0.2; ${upstream} } server { location / { proxy_pass ${scheme}://u; ${location} } }`
          const { options, problems } = fromNginx(text, {
            location: '/',
            preset: preset,
          })
          if (problems.length > 0) return
          void createBalancer({ ...options, zone: 'x' }).close({ timeout: 0 })
        },
      ),
      { numRuns: Number(process.env['RUNS'] ?? 300) },
    )
  })

  it.each([
    ['words', 'a '],
    ['directives', 'a b;'],
    ['empty blocks', 'a{}'],
    ['quotes', '"a" '],
    ['backslashes', 'a\\ '],
    ['dollars', 'a $ ${b} '],
    ['comments', '#\n'],
    ['long comments', `#${'x'.repeat(4000)}\n`],
    ['Lua brackets', 'x_by_lua_block { [[ ]] -- } \n}'],
    ['open long brackets', 'x_by_lua_block { [=[ '],
    ['marks of a dump', '# configuration file /a:\n'],
  ])('needs time in proportion: %s', { timeout: 60_000 }, (_, piece) => {
    // A quadratic reader would need hours for it.
    const text = piece.repeat(2_000_000 / piece.length)
    try {
      parseNginxConfig(text)
    } catch (error) {
      expect(error).toBeInstanceOf(NginxConfigError)
    }
  })

  it('10 MB of anything, and any depth, do no harm', { timeout: 60_000 }, () => {
    const size = 10 * 1024 * 1024
    for (const piece of ['a{', 'a"', '\0', '}', 'include x;']) {
      try {
        parseNginxConfig(piece.repeat(size / piece.length), {
          include: (file) => [{ file, text: '' }],
        })
      } catch (error) {
        expect(error).toBeInstanceOf(NginxConfigError)
      }
    }
  })
})

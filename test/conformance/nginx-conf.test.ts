/** Our reader of nginx configuration and nginx's own: the same words, the same files refused, in the same words. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fromNginx, parseNginxConfig } from 'evenkeel'
import type { Directive } from 'evenkeel'
import { readNginxConfig } from '../../src/cli/read-config.js'
import { nginxBinary, startNginx } from './differential/nginx-process.js'
import type { Nginx } from './differential/nginx-process.js'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-conf-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** nginx's complaint about the file, without its prefix; undefined when it takes it. */
function nginxSays(file: string): string | undefined {
  const { stderr } = spawnSync(
    nginxBinary!.path,
    ['-t', '-p', folder, '-e', join(folder, 'error.log'), '-c', file],
    { encoding: 'utf8' },
  )
  return /\[emerg\] (?:\d+#\d+: )?(.*)/.exec(stderr)?.[1]
}

function weSay(file: string): string | undefined {
  try {
    readNginxConfig(file)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** Files that nginx takes, or refuses while it reads them: what directives mean is not asked here. */
const FILES: readonly string[] = [
  '',
  '# only a comment',
  'events {}',
  'events {',
  'events {\n  worker_connections 5;\n',
  'events { worker_connections 5 }',
  'events { } }',
  'events { };',
  ';',
  '{ }',
  'events { worker_connections 5;; }',
  'events;',
  'events { worker_connections 5 { } }',
  'events { worker_connections "5"; }',
  'events { worker_connections "5"6; }',
  'events { worker_connections "5"{',
  "events { worker_connections '5'\n; }",
  'events { worker_connections "5; }',
  'events { worker_connections 5',
  'events { worker_connections "5"',
  'events { worker_connections 5; # } \n }',
  'events { worker_connections 5 # ; \n ; }',
  'events { } # } {',
  'events { worker_connections \\5; }'.replace('\\5', '5\\'),
  'events { } http { map $uri $x { default "a{b"; ~^\\{x 1; "if" 3; } }',
  'events { } http { map $uri $x { default { } } }',
  'events { } http { map $uri $x { default 1 } }',
  'events { } http { types { text/html html htm; } }',
  'events { } http { types { text/html html htm } }',
  'events { } http { server { set $a "${uri}{"; } }',
  'events { } http { server { set $a ${uri}x; } }',
  'events { } http { server { if ($uri = "x") { return 404; } } }',
  'events { } http { server { if ($uri = "x"y) { return 404; } } }',
  'events { } http { server { set $a \'it\\\'s\'; set $b "\\"\\t\\\\"; } }',
  'events { } http { upstream a { server 127.0.0.1:1 { } } }',
  'events { } http { server { location / { proxy_pass http://127.0.0.1:1\n } } }',
  'events { } http { server { location / { proxy_pass http://127.0.0.1:1 } } }',
  'events { } http { server { proxy_buffering on\n location / { } } }',
  'events { } include;',
  'events { } include a b;',
  'events { } include missing.conf;',
  'events { } include missing/*.conf;',
  'events { } include open.conf; }',
  'events { include close.conf; }',
  'include close.conf;',
  'events { } include good.conf;',
  'events { } include [fg]ood.conf;',
  `events { } ${' '.repeat(9000)}`,
  `events { } # ${'x'.repeat(4000)}`,
  `events { } # ${'x'.repeat(9000)}`,
  `events { }\nhttp { server { set $a ${'x'.repeat(4095)}; } }`,
  `events { }\nhttp { server { set $a ${'x'.repeat(4096)}; } }`,
  `events { }\nhttp { server { set $a "${'x'.repeat(4094)}"; } }`,
  `events { }\nhttp { server { set $a "${'x'.repeat(4095)}"; } }`,
  `events { }\nhttp { server { set $a "${'x'.repeat(4096)}"; } }`,
  `events { }\nhttp { server { set $a '\n${'x'.repeat(9000)}`,
  `events { }\nhttp { server { set $a ${'é'.repeat(2047)}; } }`,
  `events { }\nhttp { server { set $a ${'é'.repeat(2048)}; } }`,
]

describe.skipIf(nginxBinary === undefined)(
  `the reader, against ${nginxBinary?.version ?? ''}`,
  () => {
    it('takes and refuses the same files, and says the same of them', () => {
      writeFileSync(join(folder, 'open.conf'), 'http {')
      writeFileSync(join(folder, 'close.conf'), '\n}')
      writeFileSync(join(folder, 'good.conf'), 'http { }')
      const file = join(folder, 'nginx.conf')
      for (const text of FILES) {
        writeFileSync(file, text)
        // A file without events is complete for us; names of missing files are nginx's full ones.
        const theirs = nginxSays(file)?.replace(`"${folder}/`, '"')
        const expected = theirs === 'no "events" section in configuration' ? undefined : theirs
        expect({ text, says: weSay(file) }).toEqual({ text, says: expected })
      }
    })

    describe('locations', () => {
      // One to a port: `return` answers before anything is passed on.
      const TITLES = [
        '/',
        '= /x',
        '/x',
        '^~ /static/',
        '/x/long',
        '~ \\.php$',
        '~* \\.(php|JPG)$',
        '/dir/',
        '^~ /x/no',
        '~ /no/',
      ]
      const NESTED = ['~ \\.in$', '/x/long/er', '= /x/long/exact']
      const block = (title: string, inner = ''): string =>
        `location ${title} { proxy_pass http://127.0.0.1:1; add_header X-Location "${title.replaceAll('\\', '\\\\').replaceAll('$', '')}" always; ${inner} }`
      const locations = TITLES.map((title) =>
        block(title, title === '/x/long' ? NESTED.map((nested) => block(nested)).join('\n') : ''),
      ).join('\n')
      const PATHS = [
        '/',
        '/other',
        '/x',
        '/xy',
        '/x/lon',
        '/x/long',
        '/x/long/a',
        '/x/long/a.in',
        '/x/long/a.php',
        '/x/long/er/b',
        '/x/long/er.in',
        '/x/long/exact',
        '/static/a.php',
        '/a.php',
        '/a.PHP',
        '/a.jpg',
        '/dir/a',
        '/x/no/a.php',
        '/x/no',
        '/a/no/b',
        '/x/long/no/b',
      ]
      let nginx: Nginx
      beforeAll(async () => {
        nginx = await startNginx({
          upstream: '',
          location: `return 404; }\n${locations.replace('location / {', 'location /unused/ { return 404; }\nlocation /zz {')}\nlocation /y {`,
        })
      })
      afterAll(() => nginx.stop())

      it('the same one gets each path', async () => {
        for (const path of PATHS) {
          const answer = await fetch(`http://127.0.0.1:${nginx.port}${path}`)
          await answer.text()
          const theirs = answer.headers.get('x-location') ?? '/'
          const { title } = fromNginx(locations, { location: path })
          expect({ path, title }).toEqual({
            path,
            title: `location ${theirs}`.replace(/php$|\(php\|JPG\)$|\.in$/, '$&$'),
          })
        }
      })
    })

    describe('words', () => {
      const TEXTS = [
        'plain',
        '"double \'and\' single"',
        '\'single "and" double\'',
        String.raw`"a\"b\'c\\d\te\nf\rg\xh"`,
        String.raw`a\"b\'c\\d\te\ f\;g\{h`,
        'quote"inside',
        'sharp#inside',
        '"two\nlines"',
        '"${arg_none}x"',
        '${arg_none}x',
        'a}b',
        '"é漢𝄞"',
        '""',
      ]
      let nginx: Nginx
      const locations = TEXTS.map((text, at) => `location = /${at} { return 200 ${text}; }`).join(
        '\n',
      )
      beforeAll(async () => {
        nginx = await startNginx({
          upstream: '',
          location: `return 404; }\n${locations}\nlocation /x {`,
        })
      })
      afterAll(() => nginx.stop())

      it('are the same', async () => {
        const ours = parseNginxConfig(locations).map(
          ({ block }) => (block as Directive[])[0]?.args[1],
        )
        for (const [at, text] of TEXTS.entries()) {
          const answer = await fetch(`http://127.0.0.1:${nginx.port}/${at}`)
          const body = await answer.text()
          expect({ text, body }).toEqual({ text, body: ours[at]?.replaceAll('${arg_none}', '') })
        }
      })
    })
  },
)

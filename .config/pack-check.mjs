// Packs what `npm run build` left in dist/ and checks the tarball as its users will meet it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { npm, root, run } from './run.mjs'

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-pack-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const packed = npm(['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
  stdout: 'pipe',
})
const [{ filename, files }] = /** @type {[{ filename: string, files: { path: string }[] }]} */ (
  Object.values(JSON.parse(packed))
)
const tarball = join(folder, filename)

const allowed = /^(dist\/.+|package\.json|README\.md|LICENSE|docs\/CHANGELOG\.md)$/
const strays = files.map(({ path }) => path).filter((path) => !allowed.test(path))
if (strays.length > 0) {
  console.error(`files that do not belong in the package: ${strays.join(', ')}`)
  process.exit(1)
}

const modules = join(root, 'node_modules')
run(process.execPath, [join(modules, 'publint/src/cli.js'), tarball, '--strict'])
run(process.execPath, [
  join(modules, '@arethetypeswrong/cli/dist/index.js'),
  ...['--profile', 'esm-only', '--no-emoji', '--no-color', tarball],
])
run(process.execPath, [join(root, '.config/smoke.mjs'), tarball])

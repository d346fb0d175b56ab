/** The documents and the sources that they speak of, taken apart for comparison. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

export const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/[/\\]$/, '')
export const DOCUMENTS = [
  'README.md',
  'docs/architecture.md',
  'docs/passive-health.md',
  'docs/plugins.md',
  'docs/membership.md',
  'docs/discovery.md',
  'docs/testing.md',
  'docs/sticky-sessions.md',
  'docs/localities-and-subsets.md',
  'docs/cluster.md',
  'docs/CHANGELOG.md',
] as const

export function read(file: string): string {
  return readFileSync(`${root}/${file}`, 'utf8')
}

/** Rows of all tables below a heading, up to the next heading of any level: cells without their back-quotes. */
export function tableRows(markdown: string, heading: string): string[][] {
  const section = new RegExp(`^#+ ${heading}\\n(.*?)(?=^#|$(?![^]))`, 'ms').exec(markdown)?.[1]
  if (section === undefined) throw new Error(`no heading "${heading}"`)
  return section
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^[|\s:-]+$/.test(line))
    .slice(1)
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll('`', '')))
}

/** Blocks of a language, with the line that each begins in. */
export function codeBlocks(markdown: string, language: string): { code: string; line: number }[] {
  const blocks = markdown.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))
  return [...blocks].map((block) => ({
    code: block[1] ?? '',
    line: markdown.slice(0, block.index).split('\n').length + 1,
  }))
}

function sourceOf(file: string): ts.SourceFile {
  return ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest)
}

/** Names of the members of an interface. */
export function membersOf(file: string, name: string): string[] {
  const source = sourceOf(file)
  const found = source.statements.find(
    (statement) => ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  )
  if (found === undefined) throw new Error(`no interface ${name} in ${file}`)
  return (found as ts.InterfaceDeclaration).members.map(
    (member) => member.name?.getText(source) ?? '',
  )
}

/** The texts of a union type. */
export function wordsOf(file: string, name: string): string[] {
  const source = sourceOf(file)
  const found = source.statements.find(
    (statement) => ts.isTypeAliasDeclaration(statement) && statement.name.text === name,
  )
  if (found === undefined) throw new Error(`no type ${name} in ${file}`)
  return [...found.getText(source).matchAll(/'(\w+)'/g)].map((match) => match[1] ?? '')
}

/** What the compiler has to say of pieces of code, as if each were a file in the project's root. */
export function compile(pieces: ReadonlyMap<string, string>): string[] {
  const { config } = ts.readConfigFile(`${root}/tsconfig.json`, (file) => ts.sys.readFile(file))
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, root)
  const files = new Map([...pieces].map(([name, code]) => [`${root}/${name}`, code]))
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists, readFile } = host
  host.fileExists = (file) => files.has(file) || fileExists.call(host, file)
  host.readFile = (file) => files.get(file) ?? readFile.call(host, file)
  host.getSourceFile = (file, ...rest) => {
    const code = files.get(file)
    if (code === undefined) return getSourceFile.call(host, file, ...rest)
    return ts.createSourceFile(file, code, rest[0])
  }
  const program = ts.createProgram([...files.keys()], options, host)
  const diagnostics = [...files.keys()].flatMap((file) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(file)),
  )
  return diagnostics.map(({ file, start = 0, messageText }) => {
    const where = file === undefined ? '' : file.fileName.slice(root.length + 1)
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line + 1
    return `${where}:${String(line)} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
  })
}

/** `npx evenkeel COMMAND …`: finds the command, and says what there is where none is named. */
import { UsageError } from './command.js'
import type { Command, CommandOutput } from './command.js'

export async function runCli(
  commands: readonly Command[],
  args: readonly string[],
  output: CommandOutput,
): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === '--help' || name === '-h') {
    output.stdout(overview(commands))
    return name === undefined ? 2 : 0
  }
  const command = commands.find((known) => known.name === name)
  if (command === undefined) {
    output.stderr(`evenkeel: there is no command "${name}"\n\n${overview(commands)}`)
    return 2
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    output.stdout(command.usage)
    return 0
  }
  try {
    return await command.run(rest, output)
  } catch (error) {
    output.stderr(`evenkeel ${name}: ${error instanceof Error ? error.message : String(error)}\n`)
    if (error instanceof UsageError) output.stderr(`\n${command.usage}`)
    return 2
  }
}

function overview(commands: readonly Command[]): string {
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(8)} ${summary}\n`)
  return `Usage: evenkeel COMMAND …\n\n${lines.join('')}\nevenkeel COMMAND --help says more.\n`
}

/** What a command of `npx evenkeel` is, and what it is given: so that tests run it without a process. */

export interface CommandOutput {
  stdout(text: string): void
  stderr(text: string): void
  /** Colours may be used. */
  readonly colour: boolean
}

export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** Shown for `--help`, and after a wrong argument. */
  readonly usage: string
  /** Resolves with the exit code: 0 all well, 1 something was found, 2 wrong arguments or a file that cannot be read. */
  run(args: readonly string[], output: CommandOutput): Promise<number>
}

/** Wrong arguments: the text is shown together with the usage. */
export class UsageError extends Error {}

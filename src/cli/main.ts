#!/usr/bin/env node
/** `npx evenkeel`. */
import type { Command } from './command.js'
import { doctorCommand } from './doctor.js'
import { importCommand } from './import.js'
import { runCli } from './run.js'

const COMMANDS: readonly Command[] = [doctorCommand, importCommand]

process.exitCode = await runCli(COMMANDS, process.argv.slice(2), {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  colour: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
})

import { Command, CommanderError } from 'commander'
import { commands } from './commands.ts'
import { exitCodeHelp, exitCodeOf, exitCodes } from './exit-codes.ts'
import { createOutput, describeError, errorDocument } from './output.ts'
import { version } from './version.ts'

/**
 * Only the module of the command that was asked for is loaded, so that `--help` stays quick; the
 * others stand in the list by name and summary.
 */
async function createProgram(argv: readonly string[]): Promise<Command> {
  const program = new Command('holdfast')
    .description('Disaster recovery for Azure Machine Learning workspaces')
    .version(version(), '-V, --version')
    .addHelpText('after', `\n${exitCodeHelp}`)
    .showSuggestionAfterError()
    // A command and the ones below it may have an option of the same name.
    .enablePositionalOptions()
  const words = argv.filter((word) => !word.startsWith('-'))
  // `holdfast help sync` needs the full command too.
  const wanted = words[0] === 'help' ? words[1] : words[0]
  for (const entry of commands) {
    if (entry.name === wanted) program.addCommand(await entry.load())
    else program.command(entry.name).description(entry.summary)
  }
  throwInsteadOfExiting(program)
  return program
}

function throwInsteadOfExiting(command: Command): void {
  command.exitOverride()
  for (const child of command.commands) throwInsteadOfExiting(child)
}

async function main(argv: readonly string[]): Promise<number> {
  try {
    const program = await createProgram(argv)
    await program.parseAsync(argv, { from: 'user' })
    return process.exitCode === undefined ? exitCodes.ok : Number(process.exitCode)
  } catch (error) {
    // Commander has already said what was wrong, or printed the help that was asked for.
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    if (argv.includes('--json')) createOutput({ json: true }).result(errorDocument(error), String)
    process.stderr.write(`${describeError(error)}\n`)
    return exitCodeOf(error)
  }
}

process.exitCode = await main(process.argv.slice(2))

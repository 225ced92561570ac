import { Command } from 'commander'
import { commands } from './commands.ts'
import { exitCodeHelp } from './exit-codes.ts'
import { addManualPage } from './manual.ts'
import { manualPages } from './manual-pages.ts'
import { traceCommand } from './trace-command.ts'
import { version } from './version.ts'

/** Throws `CommanderError` where commander has said everything already. */
export async function runProgram(argv: readonly string[]): Promise<void> {
  const asked = withoutHelpWord(argv)
  const program = await createProgram(asked)
  const run = () => program.parseAsync(asked, { from: 'user' })
  await traceCommand(commandIn(asked), run)
}

/**
 * Only the module of the command that was asked for is loaded, so that `--help` stays quick; the
 * others stand in the list by name and summary.
 */
async function createProgram(argv: readonly string[]): Promise<Command> {
  const program = new Command('holdfast')
    .description('Disaster recovery for Azure Machine Learning workspaces and MLflow servers')
    .version(version(), '-V, --version')
    .addHelpText('after', `\n${exitCodeHelp()}\n\nMore about a command: holdfast help COMMAND`)
    .showSuggestionAfterError()
    // A command and the ones below it may have an option of the same name.
    .enablePositionalOptions()
  const wanted = commandIn(argv)
  for (const { name, topic, summary, load } of commands) {
    const command = name === wanted ? await load() : new Command(name).description(summary)
    const page = manualPages[name]
    if (name === wanted && page !== undefined) addManualPage(command, page)
    program.addCommand(command.helpGroup(`${topic}:`))
  }
  program.addHelpCommand(
    new Command('help')
      .argument('[command...]', 'of which to show it')
      .description('show the help of a command')
      .helpGroup('Help:'),
  )
  endErrorsWell(program, 'holdfast help')
  return program
}

/** Undefined, too, where the word is no command. */
function commandIn(argv: readonly string[]): string | undefined {
  const word = argv.find((each) => !each.startsWith('-'))
  return commands.find(({ name }) => name === word)?.name
}

/** `holdfast help region fault` is `holdfast region fault --help`, at every depth. */
function withoutHelpWord(argv: readonly string[]): readonly string[] {
  const [help, command, ...below] = argv
  if (help !== 'help' || command === undefined) return argv
  // Without `--help` a mistyped name is refused with a suggestion.
  const isKnown = commands.some(({ name }) => name === command)
  return [command, ...below, ...(isKnown ? ['--help'] : [])]
}

/** A mistake names the help of the very command; nothing exits but `main`. */
function endErrorsWell(command: Command, help: string): void {
  command.exitOverride().showHelpAfterError(`More: ${help}`)
  for (const child of command.commands) endErrorsWell(child, `${help} ${child.name()}`)
}

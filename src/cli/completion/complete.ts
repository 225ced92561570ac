import { RootCommand, type Command as TabCommand } from '@bomb.sh/tab'
import type { Argument, Command, Option } from 'commander'
import { commands } from '../commands.ts'
import { type LiveName, liveNames, liveValues } from './live-values.ts'

/**
 * Answers the shell on stdout: one candidate a line, then the directive of the script. Only the module
 * of the command on the line is loaded, and only what is about to be completed is asked for: somebody
 * waits for the next character.
 */
export async function complete(words: readonly string[]): Promise<void> {
  const root = new RootCommand()
  for (const { name, summary } of commands) root.command(name, summary)
  root.command('help', 'show the help of a command')
  const entry = commands.find(({ name }) => words.length > 1 && name === words[0])
  if (entry !== undefined) {
    const command = await entry.load()
    const slot = slotAt(command, words.slice(1))
    if (slot !== undefined && takesPath(slot)) return filesOf()
    const live = slot === undefined ? undefined : liveNameOf(slot)
    describe(root, command, entry.name, live === undefined ? [] : await liveValues(live, words))
  }
  root.parse([...words])
}

/** Directive 0 of the script: the shell completes file names itself. */
function filesOf(): void {
  process.stdout.write(':0\n')
}

/** The option whose value, or the argument, that the last word is the beginning of. */
function slotAt(command: Command, words: readonly string[]): Option | Argument | undefined {
  const [word, ...rest] = words
  const below = command.commands.find((child) => child.name() === word)
  if (below !== undefined && rest.length > 0) return slotAt(below, rest)
  const optionOf = (text: string) =>
    command.options.find(({ long, short }) => text === long || text === short)
  const before = optionOf(words.at(-2) ?? '')
  if (before !== undefined && (before.required || before.optional)) return before
  if (words.at(-1)?.startsWith('-')) return optionOf(words.at(-1)?.split('=')[0] ?? '')
  const values = words.filter((each, i) => !each.startsWith('-') && !takesValue(words[i - 1]))
  return command.registeredArguments[values.length - 1]

  function takesValue(text: string | undefined): boolean {
    const option = text === undefined ? undefined : optionOf(text)
    return option !== undefined && (option.required || option.optional)
  }
}

const nameOf = (slot: Option | Argument): string =>
  'flags' in slot ? (/[<[]([\w-]+)/.exec(slot.flags)?.[1] ?? '') : slot.name()

const takesPath = (slot: Option | Argument): boolean => /^(file|dir|folder)$/.test(nameOf(slot))

function liveNameOf(slot: Option | Argument): LiveName | undefined {
  const own = 'flags' in slot ? slot.attributeName() : slot.name()
  return liveNames.find((name) => name === own)
}

function describe(
  root: RootCommand,
  command: Command,
  path: string,
  live: readonly string[],
): TabCommand {
  const described = root.command(path, command.description())
  const values = (slot: Option | Argument) => {
    const found = slot.argChoices ?? (liveNameOf(slot) === undefined ? [] : live)
    return (offer: (value: string, description: string) => void) => {
      for (const value of found) offer(value, '')
    }
  }
  for (const option of command.createHelp().visibleOptions(command)) {
    const { long, short, description } = option
    if (long === undefined || long === null) continue
    const alias = short?.slice(1)
    if (option.required || option.optional)
      described.option(long.slice(2), description, values(option), alias)
    else if (alias === undefined) described.option(long.slice(2), description)
    else described.option(long.slice(2), description, alias)
  }
  for (const argument of command.registeredArguments)
    described.argument(argument.name(), values(argument), argument.variadic)
  for (const child of command.commands) describe(root, child, `${path} ${child.name()}`, live)
  return described
}

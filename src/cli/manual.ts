import type { Command } from 'commander'
import { type ExitCode, exitCodeHelp } from './exit-codes.ts'

/** What the help of a command says beyond its options. */
export interface ManualPage {
  readonly about: string
  /** In this order, with the meaning where it is a special one. */
  readonly exits: readonly ExitCode[]
  readonly meanings?: Partial<Record<ExitCode, string>>
  readonly seeAlso: readonly string[]
}

/** Examples are lines that a shell runs; a test parses each. */
export function withExamples(command: Command, examples: readonly string[]): Command {
  return command.addHelpText(
    'after',
    ['', 'Examples:', ...examples.map((line) => `  ${line}`)].join('\n'),
  )
}

export function addManualPage(command: Command, page: ManualPage): void {
  const { about, exits, meanings, seeAlso } = page
  command.summary(command.description()).description(`${command.description()}\n\n${about}`)
  const related = seeAlso.map((name) => `holdfast help ${name}`).join(', ')
  command.addHelpText('after', `\n${exitCodeHelp(exits, meanings)}\n\nSee also: ${related}`)
}

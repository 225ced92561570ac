import type { Command, Option } from 'commander'
import { describe, expect, it, vi } from 'vitest'
import { commands } from './commands.ts'
import { addManualPage } from './manual.ts'
import { manualPages } from './manual-pages.ts'
import { runProgram } from './program.ts'

const loaded = await Promise.all(
  commands.map(async ({ name, load }) => {
    const command = await load()
    const page = manualPages[name]
    if (page !== undefined) addManualPage(command, page)
    return command
  }),
)

describe('the help of every command', () => {
  it.each(loaded.map((command) => [command.name(), command] as const))(
    '%s says what it is for, shows examples, exit codes and where to read on',
    (name, command) => {
      const page = manualPages[name]
      expect(page?.about.length).toBeGreaterThan(40)
      const help = helpOf(command)
      for (const part of ['Examples:', 'Exit codes:', 'See also:']) expect(help).toContain(part)
      for (const other of page?.seeAlso ?? [])
        expect(commands.map((each) => each.name)).toContain(other)
    },
  )

  it('shows defaults as people write them', () => {
    const given = loaded
      .flatMap(withBelow)
      .flatMap(({ options }) => options)
      .filter(({ defaultValue }) => defaultValue !== undefined)
    const isBare = ({ defaultValue, flags, defaultValueDescription }: Option): boolean =>
      defaultValueDescription === undefined &&
      (typeof defaultValue === 'object' || flags.includes('<duration>'))
    expect(given.length).toBeGreaterThan(10)
    expect(given.filter(isBare).map(({ flags }) => flags)).toEqual([])
  })

  it.each(loaded.flatMap(withBelow).flatMap(examplesOf))('%s is a command line', async (line) => {
    const ran: string[] = []
    for (const words of holdfastCallsIn(line)) {
      const command = await commands.find(({ name }) => name === words[0])?.load()
      expect(command, words[0]).toBeDefined()
      if (command === undefined) continue
      for (const each of withBelow(command)) {
        each.exitOverride().configureOutput({ writeErr: () => undefined })
        if (isLeaf(each) || each.registeredArguments.length > 0 || each === command)
          each.action(() => void ran.push(each.name()))
      }
      await command.parseAsync(words.slice(1), { from: 'user' })
    }
    expect(ran.length, line).toBeGreaterThan(0)
  })

  it.each([
    [['approve'], 'More: holdfast help approve'],
    [['report', 'verify'], 'More: holdfast help report verify'],
    [['faliover'], 'More: holdfast help\n'],
    [['objects', '--kind', 'modle'], 'Did you mean model?'],
  ])('a mistake in %j names the help of that command', async (words, more) => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    try {
      await expect(runProgram(words)).rejects.toThrow()
      expect(written.mock.calls.join('')).toContain(more)
    } finally {
      written.mockRestore()
    }
  })

  it('refuses CSV where there are no rows, and offers it where there are', async () => {
    const offers = (command: Command) =>
      command.options.find(({ long }) => long === '--output')?.argChoices?.includes('csv')
    expect(loaded.filter(offers).map((command) => command.name())).toEqual(
      expect.arrayContaining(['objects', 'jobs', 'decisions', 'plan', 'drift', 'conflicts']),
    )
    const sync = loaded.find((command) => command.name() === 'sync')
    sync?.exitOverride().configureOutput({ writeErr: () => undefined })
    await expect(sync?.parseAsync(['-o', 'csv'], { from: 'user' })).rejects.toThrow('CSV')
  })
})

function withBelow(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withBelow)]
}

const isLeaf = (command: Command): boolean =>
  !command.commands.some((child) => child.name() !== 'help')

function helpOf(command: Command): string {
  const parts: string[] = []
  command.configureOutput({ writeOut: (part) => void parts.push(part) }).outputHelp()
  return parts.join('')
}

function examplesOf(command: Command): string[] {
  const [, after = ''] = helpOf(command).split('\nExamples:\n')
  return (after.split('\n\n')[0] ?? '').split('\n').flatMap((line) => line.trim() || [])
}

/** The words of each `holdfast …` in a line of shell. */
function holdfastCallsIn(line: string): string[][] {
  const bare = line.replace(/\s+#.*$/, '')
  return [...bare.matchAll(/\bholdfast ((?:"[^"]*"|'[^']*'|[^"'|&;()<>])*)/g)].map(
    ([, words = '']) =>
      [...words.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
        ([, double, single, plain]) => double ?? single ?? plain ?? '',
      ),
  )
}

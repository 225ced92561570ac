import { CommanderError } from 'commander'
import { outliveReaders } from './closed-reader.ts'
import { outliveTerminal } from './closed-terminal.ts'
import { exitCodeOf, exitCodes } from './exit-codes.ts'
import { growHeapSlowly } from './heap.ts'
import { createOutput, describeError, errorDocument } from './output.ts'
import { formatIn } from './output-format.ts'
import { runProgram } from './program.ts'
import { assumeSize } from './terminal-size.ts'

async function main(argv: readonly string[]): Promise<number> {
  try {
    // The scripts of `holdfast completion` call this at every press of the tabulator.
    if (argv[0] === 'complete' && argv[1] === '--') {
      const { complete } = await import('./completion/complete.ts')
      await complete(argv.slice(2))
    } else await runProgram(argv)
    return process.exitCode === undefined ? exitCodes.ok : Number(process.exitCode)
  } catch (error) {
    // Commander has already said what was wrong, or printed the help that was asked for.
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    const output = formatIn(argv)
    // Rows have no place for an error.
    if (output === 'json' || output === 'yaml')
      createOutput({ output }).result(errorDocument(error), String)
    process.stderr.write(`${describeError(error)}\n`)
    // A server that could not start has been watching its parent; that must not keep it alive.
    process.stdin.pause()
    return exitCodeOf(error)
  }
}

outliveReaders()
outliveTerminal()
assumeSize()
growHeapSlowly()
process.exitCode = await main(process.argv.slice(2))

import { Command } from 'commander'
import { startWorker } from '../../controller/start-worker.ts'
import { HoldfastError } from '../../model/errors.ts'
import { logTo } from '../log.ts'
import { withExamples } from '../manual.ts'
import { createOutput } from '../output.ts'
import { type OutputOptions, withOutput } from '../output-format.ts'
import { untilStopped } from '../until-stopped.ts'

interface WorkerOptions extends OutputOptions {
  readonly exitWithParent?: boolean
}

export function workerCommand(): Command {
  const examples = ['HOLDFAST_DATABASE_URL=postgresql://… holdfast worker']
  return withOutput(withExamples(new Command('worker'), examples))
    .description('share the passes of the controllers on one PostgreSQL')
    .option('--exit-with-parent', 'end when standard input closes')
    .action(run)
}

async function run(options: WorkerOptions): Promise<void> {
  const output = createOutput(options)
  const databaseUrl = process.env.HOLDFAST_DATABASE_URL
  if (databaseUrl === undefined)
    throw new HoldfastError(
      'usage.no-database',
      'A worker needs the database of its controllers.',
      {
        kind: 'operator',
        hint: 'Set HOLDFAST_DATABASE_URL, for the controllers and for the workers.',
      },
    )
  const stopped = untilStopped(options)
  const worker = await startWorker({ databaseUrl, clock: () => new Date(), log: logTo('warn') })
  output.result({ id: worker.id, pid: process.pid }, () => `Worker ${worker.id} is ready.`)
  const why = await stopped
  output.note(`Worker is stopping (${why}); it finishes what it has begun.`)
  await worker.stop()
}

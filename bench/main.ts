import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { growHeapSlowly } from '../src/cli/heap.ts'
import { type Bench, type BenchContext, type Figure, isMet } from './bench.ts'
import { consolePages } from './console.ts'
import { events } from './events.ts'
import { failover } from './failover.ts'
import { gateway } from './gateway.ts'
import { largePass } from './large-pass.ts'
import { mlflowHistory } from './mlflow-history.ts'
import { regionScale } from './region-scale.ts'
import { figureTable } from './table.ts'
import { twoRegions } from './two-regions.ts'
import { workers } from './workers.ts'

/** Every bench there is; `npm run bench -- NAME …` runs some, `npm run bench` all of them. */
const benches: readonly Bench[] = [
  regionScale,
  twoRegions,
  largePass,
  workers,
  mlflowHistory,
  gateway,
  failover,
  consolePages,
  events,
]

const usage = `npm run bench -- [NAME …] [--full] [--json] [--list]

  --full          the sizes the project promises (minutes to hours) instead of small ones
  --shape NAME    only this shape, of a bench that has several (mlflow-history, failover); may be repeated
  --runs N        this many runs of each shape (mlflow-history, two-regions, large-pass, failover) or sync (events);
                  --rounds is the same
  --resume FILE   keep measurements there and take from there what was measured already (mlflow-history)
  --json          one JSON document on stdout
  --list          the names`

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      full: { type: 'boolean', default: false },
      shape: { type: 'string', multiple: true, default: [] },
      runs: { type: 'string' },
      rounds: { type: 'string' },
      resume: { type: 'string' },
      json: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return print(usage)
  if (values.list) return print(benches.map(({ name, what }) => `${name}  ${what}`).join('\n'))
  const results: Array<{ bench: string; figures: readonly Figure[] }> = []
  const machine = { node: process.version, cores: cpus().length, load: loadavg()[0] ?? 0 }
  for (const bench of chosen(positionals))
    results.push({ bench: bench.name, figures: await run(bench, wanted(values)) })
  print(
    values.json
      ? JSON.stringify({ full: values.full, machine, results })
      : `${results.map(({ bench, figures }) => figureTable(bench, figures)).join('\n\n')}\n\nNode ${machine.node}, ${machine.cores} cores, load ${machine.load.toFixed(1)} at the start, ${values.full ? 'full' : 'small'} sizes`,
  )
  if (!results.every(({ figures }) => figures.every(isMet))) process.exitCode = 1
}

function chosen(names: readonly string[]): readonly Bench[] {
  const unknown = names.filter((name) => !benches.some((bench) => bench.name === name))
  if (unknown.length > 0)
    throw new Error(`There is no bench '${unknown.join("', '")}'. See --list.`)
  return names.length === 0 ? benches : benches.filter(({ name }) => names.includes(name))
}

type Wanted = Omit<BenchContext, 'dir' | 'note'>

function wanted(values: {
  readonly full: boolean
  readonly shape: readonly string[]
  readonly runs?: string
  readonly rounds?: string
  readonly resume?: string
}): Wanted {
  const { full, shape: shapes, resume } = values
  const asked = values.runs ?? values.rounds
  const runs = asked === undefined ? undefined : Number(asked)
  if (runs !== undefined && !(Number.isInteger(runs) && runs > 0))
    throw new Error(`--runs needs a whole number, not '${asked}'.`)
  return {
    ...{ full, shapes },
    ...(runs === undefined ? {} : { runs }),
    ...(resume === undefined ? {} : { resume: resolve(resume) }),
  }
}

async function run(bench: Bench, options: Wanted): Promise<readonly Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), `holdfast-bench-${bench.name}-`))
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
  try {
    const note = (line: string) => process.stderr.write(`${bench.name}: ${line}\n`)
    return await bench.run({ ...options, dir, note })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

// What runs beside a bench is ended at `exit`, which a signal alone does not bring about.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const print = (text: string): void => void process.stdout.write(`${text}\n`)

// As the product does.
growHeapSlowly()
await main()

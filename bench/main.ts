import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Bench, type Figure, isMet } from './bench.ts'
import { gateway } from './gateway.ts'
import { mlflowHistory } from './mlflow-history.ts'
import { regionScale } from './region-scale.ts'
import { figureTable } from './table.ts'
import { twoRegions } from './two-regions.ts'

/** Every bench there is; `npm run bench -- NAME …` runs some, `npm run bench` all of them. */
const benches: readonly Bench[] = [regionScale, twoRegions, mlflowHistory, gateway]

const usage = `npm run bench -- [NAME …] [--full] [--json] [--list]

  --full   the sizes the project promises (minutes) instead of small ones
  --json   one JSON document on stdout
  --list   the names`

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      full: { type: 'boolean', default: false },
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
    results.push({ bench: bench.name, figures: await run(bench, values.full) })
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

async function run(bench: Bench, full: boolean): Promise<readonly Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), `holdfast-bench-${bench.name}-`))
  try {
    const note = (line: string) => process.stderr.write(`${bench.name}: ${line}\n`)
    return await bench.run({ full, dir, note })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const print = (text: string): void => void process.stdout.write(`${text}\n`)

await main()

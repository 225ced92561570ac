import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import type { CoveredOperation } from '../../region/coverage/coverage.ts'
import { withExamples } from '../manual.ts'
import { createOutput } from '../output.ts'
import { type OutputOptions, withOutput } from '../output-format.ts'
import { openRegionAdmin } from '../region-admin.ts'

/** `holdfast region coverage`: what a local region does of Azure, asked of a region itself. */
export function regionCoverageCommand(): Command {
  return withOutput(withExamples(new Command('coverage'), examples), { rows: true })
    .description('list every operation, and whether local regions support it')
    .option('--data <dir>', 'ask the region running here; default: one started for the question')
    .option('--missing', 'only what is not supported')
    .action(coverage)
}

const examples = [
  'holdfast region coverage --missing',
  'holdfast region coverage -o csv > coverage.csv',
]

interface Options extends OutputOptions {
  readonly data?: string
  readonly missing?: boolean
}

async function coverage(options: Options): Promise<void> {
  const { data } = options
  const all = data === undefined ? await ofNewRegion() : await ofRegion(data)
  const shown = options.missing ? all.filter(({ supported }) => !supported) : all
  createOutput(options).result(
    shown,
    () => table(shown, all),
    () => shown,
  )
}

async function ofRegion(dataDir: string): Promise<CoveredOperation[]> {
  const admin = await openRegionAdmin(dataDir)
  try {
    return ((await admin.call('GET', '/coverage')) as { value: CoveredOperation[] }).value
  } finally {
    await admin.close()
  }
}

async function ofNewRegion(): Promise<CoveredOperation[]> {
  const { startRegion } = await import('../../region/start-region.ts')
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-coverage-'))
  const region = await startRegion({ name: 'eastus', dataDir })
  try {
    return await ofRegion(dataDir)
  } finally {
    await region.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

function table(shown: readonly CoveredOperation[], all: readonly CoveredOperation[]): string {
  const services = [...new Set(all.map(({ service }) => service))]
  const groups = services.map((service) => {
    const own = all.filter((one) => one.service === service)
    const count = own.filter(({ supported }) => supported).length
    const lines = shown
      .filter((one) => one.service === service)
      .map(
        ({ supported, method, path }) =>
          `  ${supported ? 'yes' : 'no '} ${method.padEnd(6)} ${path}`,
      )
    return [`${service}: ${count} of ${own.length}`, ...lines].join('\n')
  })
  const total = all.filter(({ supported }) => supported).length
  return [...groups, `All: ${total} of ${all.length} operations; the others answer 501.`].join(
    '\n\n',
  )
}

import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { kindRows, printReport, printRoundTrip } from './report.ts'
import { type RoundTrip, roundTrip } from './round-trip.ts'
import { runCorpus } from './run-corpus.ts'
import { schemasOf } from './schemas.ts'

/**
 * `npm run test:corpus -- FOLDER [--keep EXPORT]`: a whole collection of Azure ML CLI v2 specifications
 * through import, replication, an independent comparison, export and import back, and the load
 * functions of Azure's own Python client for every exported file. Exit code 1: something arrived
 * changed, or the client refuses a file for a reason that is not its own.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { keep: { type: 'string' } },
})
const source = positionals[0] ?? process.env.HOLDFAST_CORPUS
if (source === undefined || source === '') {
  console.error(
    'SKIPPED: no collection of specifications. Name one: npm run test:corpus -- FOLDER, or set HOLDFAST_CORPUS.',
  )
} else {
  const temporary = mkdtempSync(join(tmpdir(), 'holdfast-corpus-'))
  try {
    let trip: RoundTrip | undefined
    const say = (line: string) => console.error(line)
    const run = await runCorpus(source, temporary, say, async (primary) => {
      trip = await roundTrip(primary, temporary)
      if (values.keep !== undefined) cpSync(trip.folder, resolve(values.keep), { recursive: true })
    })
    const rows = kindRows(run, await schemasOf(source, run.folder))
    console.log(printReport(run, rows))
    if (trip !== undefined) console.log(printRoundTrip(trip))
    const isRefused = trip === undefined || !isLoadedByClient(trip.folder)
    const different = run.comparisons.flatMap(({ differences }) => differences)
    const isLossy = trip === undefined || trip.unstable.length + trip.changed.length > 0
    const isWhole = different.length === 0 && run.unproven.length === 0 && !isLossy && !isRefused
    process.exitCode = isWhole ? 0 : 1
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

function isLoadedByClient(folder: string): boolean {
  const script = resolve(import.meta.dirname, '..', '..', 'scripts', 'conformance.mjs')
  return (
    spawnSync(process.execPath, [script, '--exported', folder], { stdio: 'inherit' }).status === 0
  )
}

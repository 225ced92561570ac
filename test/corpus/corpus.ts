import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kindRows, printReport, printRoundTrip } from './report.ts'
import { type RoundTrip, roundTrip } from './round-trip.ts'
import { runCorpus } from './run-corpus.ts'
import { schemasOf } from './schemas.ts'

/**
 * `npm run test:corpus -- FOLDER`: a whole collection of Azure ML CLI v2 specifications through
 * import, replication, an independent comparison, and export and import back. Exit code 1: something
 * arrived changed.
 */
const source = process.argv[2] ?? process.env.HOLDFAST_CORPUS
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
    })
    const rows = kindRows(run, await schemasOf(source, run.folder))
    console.log(printReport(run, rows))
    if (trip !== undefined) console.log(printRoundTrip(trip))
    const different = run.comparisons.flatMap(({ differences }) => differences)
    const isLossy = trip === undefined || trip.unstable.length + trip.changed.length > 0
    process.exitCode = different.length > 0 || run.unproven.length > 0 || isLossy ? 1 : 0
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

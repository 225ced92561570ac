import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kindRows, printReport } from './report.ts'
import { runCorpus } from './run-corpus.ts'
import { schemasOf } from './schemas.ts'

/**
 * `npm run test:corpus -- FOLDER`: a whole collection of Azure ML CLI v2 specifications through
 * import, replication and an independent comparison. Exit code 1: something arrived changed.
 */
const source = process.argv[2] ?? process.env.HOLDFAST_CORPUS
if (source === undefined || source === '') {
  console.error(
    'SKIPPED: no collection of specifications. Name one: npm run test:corpus -- FOLDER, or set HOLDFAST_CORPUS.',
  )
} else {
  const temporary = mkdtempSync(join(tmpdir(), 'holdfast-corpus-'))
  try {
    const run = await runCorpus(source, temporary, (line) => console.error(line))
    const rows = kindRows(run, await schemasOf(source, run.folder))
    console.log(printReport(run, rows))
    const different = run.comparisons.reduce((n, one) => n + one.differences.length, 0)
    process.exitCode = different > 0 || run.unproven.length > 0 ? 1 : 0
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

import type { LedgerRow } from '../api/contract.ts'
import { parseObjectId } from '../model/object-id.ts'
import { isGone } from './carry-deletions.ts'
import type { LedgerEntry } from './ledger.ts'
import { entryFor, type Pass } from './pass-state.ts'

const pageSize = 1000

/**
 * Rows that say something is amiss, of what this pass walked past without meeting it: deleted at the
 * source meanwhile, or a list that can be read again. Left alone they would keep status wrong for
 * ever (I8). Nothing at the target changes (I3).
 */
export async function settleGone(pass: Pass): Promise<void> {
  if (pass.mode !== 'replicate' || pass.unlisted.size > 0) return
  const amiss = ['failed', 'pending', 'conflict'] as const
  const unmet = async ({ object }: LedgerRow) => !pass.unproven.has(object)
  await Promise.all(amiss.map((state) => settleState(pass, state, unmet)))
  // A pass does not remember these; one that looks for what is gone asks for each by name.
  const { seen } = pass
  if (seen !== undefined)
    await settleState(pass, 'apart', async (row) => !seen.has(row.object) && isGone(pass, row))
}

async function settleState(
  pass: Pass,
  state: LedgerEntry['state'],
  isUnmet: (row: LedgerRow) => Promise<boolean>,
): Promise<void> {
  const { ledger } = pass.context
  for (let after: string | undefined; ; ) {
    const rows = await ledger.rows(pass.direction, {
      state,
      limit: pageSize,
      ...(after === undefined ? {} : { after }),
    })
    const unmet = await Promise.all(rows.map(isUnmet))
    const gone = rows.filter((_, i) => unmet[i])
    await writeGone(
      pass,
      gone.map(({ object }) => object),
    )
    if (rows.length < pageSize) return
    after = rows.at(-1)?.object
  }
}

async function writeGone(pass: Pass, objects: readonly string[]): Promise<void> {
  if (objects.length === 0) return
  await pass.context.ledger.write(
    pass.direction,
    objects.map((object) =>
      entryFor(pass, parseObjectId(object), {
        state: 'skipped',
        sourceDigest: null,
        targetDigest: null,
        sourceVersion: null,
        targetVersion: null,
        error: { code: 'object.gone', message: 'not at the source any more' },
      }),
    ),
  )
}

import { formatObjectId } from '../../model/object-id.ts'
import type { LedgerEntry } from '../../replication/ledger.ts'
import type { Records } from '../records.ts'
import { coldBody, names, schedule } from './regions.ts'

export const outbound = (group: string) => ({ group, source: 'east', target: 'west' })
const at = '2026-01-01T11:59:30.000Z'

/** What replication and job capture had written before the outage. */
export async function seedRecords(records: Records, group = 'g'): Promise<void> {
  await records.epochs.establish({ group, primary: 'east', at })
  await records.ledger.advancePoint(outbound(group), { at, epoch: 1, runsSince: null })
  await records.ledger.write(outbound(group), [
    entry('online-endpoint', 'online-endpoint/fraud', 'proven'),
    ...[1, 2, 10].map((n) =>
      entry('blob', `blob/workspaceblobstore/checkpoints%2Ftrain%2Fstep-${n}.json`, 'proven'),
    ),
    entry('blob', 'blob/workspaceblobstore/checkpoints%2Ftrain%2Fstep-11.json', 'pending'),
    entry('blob', 'blob/workspaceblobstore/checkpoints%2Ftrainer%2Fstep-99.json', 'proven'),
    { ...entry('model', 'model/%3Cscript%3E/1', 'failed'), error: { code: 'x', message: '<b>&' } },
    { ...entry('data', 'data/half/1', 'pending'), targetDigest: 'old' },
    entry('component', 'component/both/1', 'conflict'),
    entry('schedule', 'schedule/left-out', 'skipped'),
  ])
  await records.definitions.write(
    outbound(group),
    [
      { id: names.coldModel, body: coldBody },
      { id: names.schedule, body: schedule(true) },
      { id: names.dormant, body: schedule(false) },
    ].map(({ id, body }) => ({
      object: formatObjectId(id),
      kind: id.kind,
      body,
      digest: 'd',
      epoch: 1,
      at,
    })),
  )
}

function entry(kind: string, object: string, state: LedgerEntry['state']): LedgerEntry {
  const digest = state === 'proven' ? 'd' : null
  return {
    object,
    kind,
    state,
    sourceDigest: 'd',
    targetDigest: digest,
    sourceVersion: null,
    targetVersion: null,
    bytes: 10,
    error: null,
    epoch: 1,
    at,
  }
}

import type { Conflict, KeptContent } from '../../api/conflict-contract.ts'
import type { ReplicationService } from '../../controller/replication-service.ts'
import { HoldfastError } from '../../model/errors.ts'

const conflict: Conflict = {
  ...{ object: 'model/b/1', kind: 'model', code: 'object.changed-there', reason: 'changed there' },
  source: { member: 'east', by: 'ann', at: '2025-01-01T00:00:00Z' },
  target: { member: 'west', by: 'bob', at: '2025-01-02T00:00:00Z' },
  changes: [{ path: 'properties.tags.stage', from: 'hers', to: 'his' }],
  ...{ fixed: [], decision: null, isApart: false },
}

/** One conflict, until somebody decides about it. */
export function scriptedReplication(): ReplicationService {
  let decided: 'source' | 'both' | undefined
  return {
    conflicts: async () => {
      const apart = { ...conflict, decision: { keep: 'both' as const, at: null }, isApart: true }
      const items = decided === undefined ? [conflict] : decided === 'both' ? [apart] : []
      return { items, cursor: null, total: items.length, apart: decided === 'both' ? 1 : 0 }
    },
    resolveConflict: async ({ object, keep: wanted, dryRun }) => {
      if (object !== conflict.object) {
        throw new HoldfastError('conflict.not-found', `${object} is none.`, { kind: 'operator' })
      }
      if (wanted !== 'east' && wanted !== 'both')
        throw new HoldfastError('conflict.unknown-side', wanted, { kind: 'operator' })
      const keep = wanted === 'both' ? 'both' : 'source'
      if (!dryRun) decided = keep
      return { conflict, keep, dryRun, sentence: `keeps the ${keep}` }
    },
    drift: async () => ({
      ...{ group: 'fraud', from: 'east', to: 'west', notCompared: ['quotas'] },
      findings: [
        {
          ...{ object: 'model/b/1', kind: 'model', code: 'drift.missing', severity: 'high' },
          ...{ reason: 'is not there any more', changes: [], fix: 'sync' },
        },
      ],
      totals: { high: 1, medium: 0, low: 0 },
    }),
    kept: async () => ({ cursor: null, items: [kept('[sealed]')] }),
    openKept: async () => kept('opened'),
  }
}

const kept = (token: string): KeptContent => ({
  ...{ id: '0123456789abcdef', object: 'model/b/1', kind: 'model', member: 'west' },
  ...{ side: 'target', digest: 'd', seals: 1, at: '2025-01-03T00:00:00Z' },
  body: { properties: { tags: { stage: 'hers' }, environmentVariables: { TOKEN: token } } },
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../../test/property-runs.ts'
import { planReplication } from './plan-replication.ts'
import { replicate } from './replicate.ts'
import { contentsOf } from './testing/contents.ts'
import { anyContents, fillTolerant, scene } from './testing/worlds.ts'

/** Without schedules, which are off while the target is secondary. */
const standing = (contents: Record<string, string>) =>
  Object.fromEntries(Object.entries(contents).filter(([name]) => !name.startsWith('schedule ')))

describe('replicate, over any world', () => {
  it(
    'makes all equal, does what the plan said, and has nothing to do afterwards (I4, D7)',
    async () => {
      await fc.assert(
        fc.asyncProperty(anyContents, async (contents) => {
          const { east, west, context, actions } = scene()
          await fillTolerant(east, contents)

          const plan = await planReplication(context)
          expect(west.writes).toEqual([])
          const first = await replicate(context)
          expect(first).toMatchObject({ outcome: 'complete', failed: 0, pending: 0, conflicts: 0 })
          const told = (list: typeof actions) =>
            list.map(({ object, action }) => `${action} ${object}`).sort()
          expect(told(actions)).toEqual(told([...plan.actions]))
          expect(standing(await contentsOf(west, 'east'))).toEqual(
            standing(await contentsOf(east, 'east')),
          )

          const before = west.writes.length
          const ledgerWrites: unknown[] = []
          const ledger = {
            ...context.ledger,
            write: async (...args: Parameters<typeof context.ledger.write>) => {
              ledgerWrites.push(args)
              await context.ledger.write(...args)
            },
          }
          const second = await replicate({ ...context, ledger })
          expect(second).toMatchObject({ outcome: 'complete', created: 0, updated: 0 })
          expect(west.writes.length).toBe(before)
          expect(ledgerWrites).toEqual([])
          expect(
            (await planReplication(context)).actions.filter((a) => a.action !== 'skip'),
          ).toEqual([])
        }),
        { numRuns: propertyRuns(200) },
      )
    },
    180_000 * Math.max(1, propertyRuns(200) / 200),
  )
})

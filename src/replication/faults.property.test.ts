import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import { faulty } from '../workspace/decorators/faulty.ts'
import type { WorkspaceOperation } from '../workspace/workspace.ts'
import type { Ledger } from './ledger.ts'
import type { ReplicationContext } from './pass.ts'
import { replicate } from './replicate.ts'
import { contentsOf } from './testing/contents.ts'
import { anyContents, fillTolerant, type Scene, scene } from './testing/worlds.ts'

/** One misfortune: from the `after`th call on, `times` calls of one party fail. */
interface Misfortune {
  readonly party: 'east' | 'west'
  readonly after: number
  readonly times: number
  readonly error: 'throttled' | 'lost' | 'refused' | 'unreachable' | 'died'
}

const misfortune: fc.Arbitrary<Misfortune> = fc.record({
  party: fc.constantFrom('east', 'west'),
  after: fc.nat({ max: 60 }),
  times: fc.integer({ min: 1, max: 5 }),
  error: fc.constantFrom('throttled', 'lost', 'refused', 'unreachable', 'died'),
})

const errors = {
  throttled: () => new HoldfastError('workspace.throttled', 'slow down', { kind: 'transient' }),
  lost: () => new HoldfastError('workspace.answer-lost', 'lost', { kind: 'unknown-outcome' }),
  refused: () => new HoldfastError('object.refused', 'no'),
  unreachable: () => new HoldfastError('workspace.unreachable', 'away', { kind: 'transient' }),
  died: () => new HoldfastError('process.died', 'killed', { kind: 'cancelled' }),
} as const

/** The context of a process that meets the misfortune. One that died reaches nothing any more. */
function unlucky(
  { context }: Scene,
  { party, after, times, error }: Misfortune,
): ReplicationContext {
  const east = faulty(context.source)
  const west = faulty(context.target)
  let calls = 0
  let isDead = false
  const strikes = error === 'lost' || error === 'died' ? 'after' : 'before'
  for (const [name, workspace] of [
    ['east', east],
    ['west', west],
  ] as const) {
    workspace.break({
      when: () => {
        if (isDead) return true
        if (name !== party) return false
        calls += 1
        const isHit = calls > after && calls <= after + times
        if (isHit && error === 'died') isDead = true
        return isHit
      },
      strikes,
      error: errors[error],
    })
    workspace.break({ when: () => isDead, error: errors.died })
  }
  const alive =
    <Args extends unknown[], R>(work: (...args: Args) => Promise<R>) =>
    async (...args: Args): Promise<R> => {
      if (isDead) throw errors.died()
      return work(...args)
    }
  const { ledger } = context
  const mortal: Ledger = {
    ...ledger,
    read: alive(ledger.read),
    write: alive(ledger.write),
    advancePoint: alive(ledger.advancePoint),
  }
  return { ...context, source: east, target: west, ledger: mortal }
}

const standing = (contents: Record<string, string>) =>
  Object.fromEntries(Object.entries(contents).filter(([name]) => !name.startsWith('schedule ')))

async function expectEqual({ east, west }: Scene): Promise<void> {
  expect(standing(await contentsOf(west, 'east'))).toEqual(standing(await contentsOf(east, 'east')))
}

const direction = { group: 'g', source: 'east', target: 'west' }

describe('replicate, whatever fails', () => {
  it('never moves the point ahead of what is equal, and comes to rest without a conflict (I3, I4)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(anyContents, misfortune), { minLength: 1, maxLength: 3 }),
        async (rounds) => {
          const world = scene()
          const { east, context } = world
          for (const [contents, what] of rounds) {
            await fillTolerant(east, contents)
            const before = await context.ledger.readPoint(direction)
            const result = await replicate(unlucky(world, what))
            expect(result.conflicts).toBe(0)
            const point = await context.ledger.readPoint(direction)
            if (result.outcome === 'complete') await expectEqual(world)
            else expect(point).toEqual(before)
          }
          let last = await replicate(context)
          for (let i = 0; i < 3 && last.outcome !== 'complete'; i += 1)
            last = await replicate(context)
          const rows = await context.ledger.rows(direction, { limit: 1000 })
          expect(rows.filter(({ state }) => state !== 'proven' && state !== 'skipped')).toEqual([])
          expect(last).toMatchObject({ outcome: 'complete', conflicts: 0 })
          await expectEqual(world)
        },
      ),
      { numRuns: 300 },
    )
  }, 400_000)

  it('never overwrites what somebody wrote at the target, whatever fails and however often (I3)', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyContents,
        anyContents,
        fc.array(misfortune, { maxLength: 2 }),
        async (foreign, contents, troubles) => {
          const world = scene()
          await fillTolerant(world.west, foreign)
          const before = await contentsOf(world.west, 'west')
          await fillTolerant(world.east, contents)
          for (const trouble of troubles) await replicate(unlucky(world, trouble))
          await replicate(world.context)
          await replicate(world.context)
          const after = await contentsOf(world.west, 'west')
          for (const [name, text] of Object.entries(before)) {
            // What says nothing (made by the service for its versions or runs) may be filled in.
            if (/"tags":\{\}|^\{"body":\{"properties":\{\}\}/.test(text)) continue
            expect(after[name]).toBe(text)
          }
        },
      ),
      { numRuns: 200 },
    )
  }, 400_000)

  it('goes on past any single object that fails (hypothesis: one refusal stops nothing else)', async () => {
    const operations: readonly WorkspaceOperation[] = [
      'putObject',
      'putExperiment',
      'putRuns',
      'writeMetrics',
      'copyBlob',
      'readSecrets',
    ]
    await fc.assert(
      fc.asyncProperty(anyContents, fc.constantFrom(...operations), async (contents, operation) => {
        const world = scene()
        await fillTolerant(world.east, contents)
        const [source, target] = [faulty(world.east), faulty(world.west)]
        for (const one of [source, target])
          one.break({ operations: [operation], error: errors.refused })
        const result = await replicate({ ...world.context, source, target })
        expect(['complete', 'partial']).toContain(result.outcome)
        expect(result.error).toBeNull()
        const after = await replicate(world.context)
        expect(after).toMatchObject({ outcome: 'complete', conflicts: 0 })
      }),
      { numRuns: 100 },
    )
  }, 400_000)
})

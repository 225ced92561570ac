import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import type { Kind } from '../model/kinds.ts'
import type { Strategy } from '../plan/continuity-plan.ts'
import { faulty } from '../workspace/decorators/faulty.ts'
import { coldObjects } from './cold-objects.ts'
import type { ReplicationContext } from './pass.ts'
import { replicate } from './replicate.ts'
import { salvageObjects } from './salvage-objects.ts'
import { contentsOf } from './testing/contents.ts'
import { anyContents, fillTolerant, put, type Scene, scene } from './testing/worlds.ts'

const signal = new AbortController().signal
const direction = { group: 'g', source: 'east', target: 'west' }
const options = { epoch: 2, signal, onProgress: () => undefined }

const coldOf = ({ west, context }: Scene) =>
  coldObjects({ target: west, definitions: context.definitions, direction, ledger: context.ledger })

function withStrategies(
  world: Scene,
  strategies: Partial<Record<Kind, Strategy>>,
): ReplicationContext {
  const { plan } = world.context
  const rules = Object.entries(strategies).map(([kind, strategy]) => ({
    kind: kind as Kind,
    strategy,
  }))
  return { ...world.context, plan: { ...plan, strategies: [...plan.strategies, ...rules] } }
}

const standing = (contents: Record<string, string>) =>
  Object.fromEntries(Object.entries(contents).filter(([name]) => !name.startsWith('schedule ')))

/** A cold kind makes cold whatever refers to it; the plan has to say so. */
const strategies = fc.constantFrom<Partial<Record<Kind, Strategy>>>(
  { 'online-endpoint': 'hot-warm' },
  { 'online-endpoint': 'hot-cold', 'batch-endpoint': 'hot-cold' },
  {
    ...{ model: 'hot-cold', component: 'hot-cold' },
    ...{ 'online-endpoint': 'hot-cold', 'batch-endpoint': 'hot-cold' },
  },
  { environment: 'hot-cold', component: 'hot-cold', compute: 'hot-cold' },
)

describe('cold objects', () => {
  it('stand after a failover as they were at the source, without it (design section 6)', async () => {
    await fc.assert(
      fc.asyncProperty(anyContents, strategies, async (contents, chosen) => {
        const world = scene()
        const { east, west } = world
        await fillTolerant(east, contents)
        const context = withStrategies(world, chosen)
        expect(await replicate(context)).toMatchObject({ outcome: 'complete', failed: 0 })
        // With no ledger, too, what a strategy held back is ours to complete.
        const { definitions } = context
        const cold = coldObjects({ target: west, definitions, direction })
        const missing = await cold.missing({ signal })
        expect(await cold.create(options)).toEqual({ created: missing, failed: [] })
        expect(standing(await contentsOf(west, 'east'))).toEqual(
          standing(await contentsOf(east, 'east')),
        )
        expect(await cold.missing({ signal })).toEqual([])
        const writes = west.writes.length
        expect(await cold.create(options)).toEqual({ created: [], failed: [] })
        expect(west.writes).toHaveLength(writes)

        // The old primary comes back as it was: nothing to bring, and the way back has no conflict.
        expect(await salvageObjects(context)(options)).toEqual({
          salvaged: [],
          conflicts: [],
          failed: [],
        })
        const back = { ...context, source: west, target: east, epoch: 2 }
        expect(await replicate(back)).toMatchObject({ outcome: 'complete', conflicts: 0 })
      }),
      { numRuns: 200 },
    )
  }, 300_000)

  it('come to stand whatever single call fails, and however the work is repeated (I2)', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyContents,
        strategies,
        fc.nat({ max: 20 }),
        fc.boolean(),
        async (contents, chosen, skip, isLost) => {
          const world = scene()
          await fillTolerant(world.east, contents)
          await replicate(withStrategies(world, chosen))
          let calls = 0
          const target = faulty(world.west)
          target.break({
            when: () => calls++ === skip,
            strikes: isLost ? 'after' : 'before',
            error: () => new HoldfastError('workspace.throttled', 'slow down'),
          })
          const { definitions, ledger } = world.context
          await coldObjects({ target, definitions, direction, ledger })
            .create(options)
            .catch((error: unknown) => expect(error).toBeInstanceOf(HoldfastError))
          expect((await coldOf(world).create(options)).failed).toEqual([])
          expect(await coldOf(world).missing({ signal })).toEqual([])
        },
      ),
      { numRuns: 100 },
    )
  }, 300_000)

  it('never replace what somebody else made at the target (I3)', async () => {
    const world = scene()
    const id = { kind: 'compute', path: ['gpu'] } as const
    const compute = (vmSize: string) =>
      ({
        is: 'object',
        id,
        body: { properties: { computeType: 'AmlCompute', properties: { vmSize } } },
      }) as const
    await put(world.east, compute('big'))
    await put(world.west, compute('small'))
    await replicate(withStrategies(world, { compute: 'hot-cold' }))
    const { created, failed } = await coldOf(world).create(options)
    expect(created).toEqual([])
    expect(failed).toMatchObject([{ object: 'compute/gpu', code: 'object.conflict' }])
    expect(failed[0]?.message).toContain('properties.properties.vmSize')
    expect(JSON.stringify((await world.west.getObject(id))?.body)).toContain('small')
  })

  it('follow a change of strategy: an old definition does not come back', async () => {
    const world = scene()
    const compute = (nodes: number) =>
      ({
        is: 'object',
        id: { kind: 'compute', path: ['gpu'] },
        body: { properties: { computeType: 'AmlCompute', properties: { nodes } } },
      }) as const
    await put(world.east, compute(1))
    await replicate(withStrategies(world, { compute: 'hot-cold' }))
    await replicate(world.context)
    await put(world.east, compute(2))
    await replicate(world.context)
    expect(await coldOf(world).missing({ signal })).toEqual([])
  })

  it('end at once for a stale epoch (I1)', async () => {
    const world = scene()
    await fillTolerant(world.east, [
      { is: 'object', id: { kind: 'compute', path: ['gpu'] }, body: { properties: {} } },
    ])
    await replicate(withStrategies(world, { compute: 'hot-cold' }))
    const target = faulty(world.west)
    target.break({
      operations: ['putObject'],
      error: () => new HoldfastError('epoch.stale', 'past'),
    })
    const { definitions } = world.context
    await expect(
      coldObjects({ target, definitions, direction }).create(options),
    ).rejects.toMatchObject({ code: 'epoch.stale' })
  })
})

import { expect, it } from 'vitest'
import { memoryWorkspace } from '../workspace/memory/memory-workspace.ts'
import { replicate } from './replicate.ts'
import { scene } from './testing/worlds.ts'

const direction = { group: 'g', source: 'east', target: 'west' }
const noon = Date.parse('2026-01-01T12:00:00Z')
const hour = 3_600_000
const iso = (ms: number) => new Date(ms).toISOString()

/** A source whose clock stands at noon, and a controller that thinks it is `ours`. */
function apart(ours: number) {
  const east = memoryWorkspace({ name: 'east', clock: () => new Date(noon) })
  return { ...scene().context, source: east, clock: () => new Date(ours) }
}

it.each([
  ['ahead', noon + hour, noon],
  ['behind', noon - hour, noon - hour],
])(
  'claims nothing later than the source was then, with a clock that is %s (I4)',
  async (_, ours, point) => {
    const context = apart(ours)
    expect(await replicate(context)).toMatchObject({
      outcome: 'complete',
      replicationPoint: iso(point),
    })
    expect(await context.ledger.readPoint(direction)).toMatchObject({ at: iso(point) })
  },
)

it('goes back from a point that lies in the future of the source (I4)', async () => {
  const context = apart(noon)
  const ahead = { at: iso(noon + hour), epoch: 1, runsSince: null }
  await context.ledger.advancePoint(direction, ahead)
  await replicate(context)
  expect(await context.ledger.readPoint(direction)).toMatchObject({ at: iso(noon) })
})

it('does not go back from a point that is merely later', async () => {
  const context = apart(noon - hour)
  const later = { at: iso(noon - 60_000), epoch: 1, runsSince: null }
  await context.ledger.advancePoint(direction, later)
  await replicate(context)
  expect(await context.ledger.readPoint(direction)).toMatchObject({ at: later.at })
})

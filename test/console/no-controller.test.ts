import { expect, it } from 'vitest'
import { at, group } from '../../src/cli/testing/scripted-controller.ts'
import { noController } from '../../web/src/procedures.ts'

const now = Date.parse(at(60))
const lifeOf = (running: boolean, lastSeenAt: string | null) => ({
  ...group,
  controller: { running, lastSeenAt, performing: null },
})

it('the first page says since when no controller works for the group (I8)', () => {
  const said = noController(lifeOf(false, at(15)), now)
  expect(said).toContain('since 2025-01-01 03:00:15 UTC (45 s ago)')
  expect(noController(lifeOf(false, null), now)).not.toContain('since')
})

it('the first page says nothing of a controller that runs', () => {
  expect(noController(lifeOf(true, at(60)), now)).toBeUndefined()
  expect(noController(group, now)).toBeUndefined()
})

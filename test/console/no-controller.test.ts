import { expect, it } from 'vitest'
import { at, group } from '../../src/cli/testing/scripted-controller.ts'
import { noController } from '../../web/src/procedures.ts'

const now = Date.parse(at(60))
const lifeOf = (running: boolean, lastSeenAt: string | null) => ({
  ...group,
  controller: { running, lastSeenAt, performing: null },
})

it('the first page says when there was the last sign of a controller, where none works (I8)', () => {
  const said = noController(lifeOf(false, at(15)), now)
  expect(said).toContain('The last sign of a controller was 2025-01-01 03:00:15 UTC (45 s ago).')
  expect(noController(lifeOf(false, null), now)).not.toContain('sign')
})

it('the first page says nothing of a controller that runs', () => {
  expect(noController(lifeOf(true, at(60)), now)).toBeUndefined()
  expect(noController(group, now)).toBeUndefined()
})

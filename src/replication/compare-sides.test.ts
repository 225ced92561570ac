import { expect, it } from 'vitest'
import { azurePlace, workspaceArmId } from '../model/testing/places.ts'
import { compareSides } from './compare-sides.ts'

const [from, to] = [azurePlace('east'), azurePlace('west')]
const id = { kind: 'schedule', path: ['nightly'] } as const
const schedule = (place: typeof from, fields: object) => ({
  properties: {
    isEnabled: true,
    displayName: 'nightly',
    action: { endpointId: `${workspaceArmId(place)}/onlineEndpoints/score` },
    ...fields,
  },
})
const marks = (target: object) =>
  Object.fromEntries(
    compareSides(id, schedule(from, {}), schedule(to, target), {
      ...{ from, to, map: {}, strategy: 'hot-cold' },
    }).map(({ path, mark }) => [path, mark]),
  )

it('tells what relocation and strategy make of an object from what should not be so', () => {
  const expected = {
    'properties.isEnabled': 'held-back',
    'properties.action.endpointId': 'relocated',
  }
  expect(marks({ isEnabled: false })).toEqual(expected)
  expect(marks({ isEnabled: false, displayName: 'changed' })).toEqual({
    ...expected,
    'properties.displayName': 'different',
  })
})

it('calls a field different that is not held back as it should be, or still names the source', () => {
  const action = { endpointId: `${workspaceArmId(from)}/onlineEndpoints/score` }
  expect(marks({ action })).toEqual({
    'properties.isEnabled': 'different',
    'properties.action.endpointId': 'different',
  })
})

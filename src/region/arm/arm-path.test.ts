import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AzureError } from '../context.ts'
import { idKey, parentId, parseArmPath } from './arm-path.ts'

const group = '/subscriptions/s/resourceGroups/rg'
const workspace = `${group}/providers/Microsoft.MachineLearningServices/workspaces/w`

describe('parseArmPath', () => {
  it('reads resources, collections, actions and scopes', () => {
    expect(parseArmPath(`${workspace}/models/m/versions/1`)).toEqual({
      id: `${workspace}/models/m/versions/1`,
      type: 'Microsoft.MachineLearningServices/workspaces/models/versions',
      name: '1',
      rest: undefined,
    })
    expect(parseArmPath(`${workspace}/models`).rest).toEqual({
      segment: 'models',
      type: 'Microsoft.MachineLearningServices/workspaces/models',
    })
    const atSubscription = '/subscriptions/s/providers/microsoft.storage/storageAccounts'
    expect(parseArmPath(atSubscription)).toMatchObject({
      id: '/subscriptions/s',
      rest: { type: 'Microsoft.Storage/storageAccounts' },
    })
    expect(
      parseArmPath(`${workspace}/providers/Microsoft.Authorization/roleAssignments/r`),
    ).toMatchObject({ type: 'Microsoft.Authorization/roleAssignments', name: 'r' })
  })

  it('spells known segments as Azure does and keeps the case of names', () => {
    const { id, type } = parseArmPath(
      '/SUBSCRIPTIONS/S/resourcegroups/RG/PROVIDERS/microsoft.machinelearningservices/WORKSPACES/Wś',
    )
    expect(id).toBe(
      '/subscriptions/S/resourceGroups/RG/providers/Microsoft.MachineLearningServices/workspaces/Wś',
    )
    expect(type).toBe('Microsoft.MachineLearningServices/workspaces')
  })

  it.each(['..', '.', '%2e%2e', 'a%2Fb', 'a%5Cb', 'a%00b', '%zz', 'x'.repeat(261)])(
    'refuses the name %s',
    (name) => {
      expect(() => parseArmPath(`${workspace}/models/${name}`)).toThrowError(AzureError)
    },
  )

  const name = fc
    .string({ minLength: 1, maxLength: 40, unit: 'grapheme' })
    .filter((text) => !/[/\\?#\p{Cc}]/u.test(text) && text !== '.' && text !== '..')

  it('gives back every name it was given, and finds its parent', () => {
    fc.assert(
      fc.property(name, name, (container, version) => {
        const path = `${workspace}/data/${encodeURIComponent(container)}/versions/${encodeURIComponent(version)}`
        const parsed = parseArmPath(path)
        expect(parsed.name).toBe(version)
        expect(parentId(parsed.id)).toBe(`${workspace}/data/${container}`)
        expect(idKey(parsed.id.toUpperCase())).toBe(idKey(parsed.id.toUpperCase().toLowerCase()))
      }),
    )
  })
})

import { describe, expect, it } from 'vitest'
import { dependenciesOf, type Needs } from './topology.ts'

const id = (type: string, name: string) =>
  `/subscriptions/s/resourceGroups/g/providers/${type}/${name}`
const needs = (more: Partial<Needs>): Needs => ({
  ...{ region: 'eastus', properties: {}, computes: [] },
  ...more,
})
const seen = (...sides: Parameters<typeof dependenciesOf>) =>
  dependenciesOf(...sides).map(({ category, source, target, relation }) => [
    ...[category, source?.name ?? null, target?.name ?? null, relation],
  ])

describe('what workspaces depend on', () => {
  it('tells what is shared, whatever its letters, from what each has, and what is missing', () => {
    const east = needs({
      properties: {
        storageAccount: id('Storage', 'east'),
        keyVault: id('Vault', 'One'),
        containerRegistry: id('Registry', 'images'),
        applicationInsights: '',
      },
    })
    const west = needs({
      properties: { storageAccount: id('Storage', 'west'), keyVault: id('vault', 'one') },
    })
    expect(seen(east, west)).toEqual([
      ['storage', 'east', 'west', 'each'],
      ['vault', 'One', 'one', 'shared'],
      ['registry', 'images', null, 'missing'],
    ])
  })

  it('finds computes under the names that the plan maps', () => {
    const east = needs({ computes: ['cpu', 'gpu-east'] })
    const west = needs({ computes: ['gpu-west', 'spare'] })
    expect(seen(east, west, { 'gpu-east': 'gpu-west' })).toEqual([
      ['compute', 'cpu', null, 'missing'],
      ['compute', 'gpu-east', 'gpu-west', 'each'],
      ['compute', null, 'spare', 'only-target'],
    ])
  })

  it('does not call missing what a silent side may have (I8)', () => {
    const east = needs({ computes: ['cpu'], properties: { keyVault: id('Vault', 'one') } })
    expect(seen(east, undefined).map(([, , , relation]) => relation)).toEqual([
      'unknown',
      'unknown',
    ])
  })
})

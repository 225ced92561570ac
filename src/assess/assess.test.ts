import { describe, expect, it } from 'vitest'
import { assess } from './assess.ts'
import type { Inventory } from './inventory.ts'

const sound: Inventory = {
  primary: 'east',
  secondary: 'west',
  epoch: 3,
  lagMs: 1000,
  rpoMs: 60_000,
  replicates: true,
  counts: [{ kind: 'model', pending: 0, failed: 0, conflict: 0 }],
  clocks: [{ member: 'east', aheadMs: 900 }],
  planes: [{ plane: 'arm', healthy: true }],
  capacity: {
    families: [{ name: 'standardDSv2Family', used: 80, limit: 100 }],
    sizes: [{ name: 'Standard_DS3_v2', family: 'standardDSv2Family', cores: 4 }],
  },
  machines: [
    {
      ...{ object: 'online-deployment/f/blue', size: 'standard_ds3_v2' },
      ...{ standing: 1, wanted: 5, isEndpoint: true },
    },
  ],
  secrets: [{ object: 'datastore/d', state: 'equal' }],
  images: [],
  distantRegistry: null,
  endpoints: [{ name: 'config.json', member: 'east', epoch: 3, error: null }],
  nameConflicts: [],
  stepsNeedingPrimary: [],
  drillOverdue: false,
  unknown: [],
}
const machine = sound.machines[0] as Inventory['machines'][number]

describe('assess', () => {
  it('is ready when no rule finds anything; exactly the free cores suffice', () => {
    // 5 instances and their fifth are 6, of which 2 stand: 4 more of 4 cores, and 20 are free.
    expect(assess(sound)).toMatchObject({ verdict: 'ready', findings: [] })
  })

  const cases: [string, Partial<Inventory>, string, string][] = [
    [
      'a silent secondary',
      { planes: [{ plane: 'arm', healthy: false }] },
      'secondary-answers',
      'not-ready',
    ],
    [
      'a step that needs the primary',
      { stepsNeedingPrimary: ['x'] },
      'needs-no-failed-region',
      'not-ready',
    ],
    ['no protection', { replicates: false }, 'protected', 'not-ready'],
    [
      'a clock that is ahead of the source',
      { clocks: [{ member: 'east', aheadMs: -7000 }] },
      'clocks',
      'degraded',
    ],
    ['no replication point', { lagMs: null }, 'lag', 'not-ready'],
    [
      'an image that is gone',
      { images: [{ object: 'image/env/v1', state: 'missing' }] },
      'images',
      'not-ready',
    ],
    [
      'one registry for both sides, far away',
      { distantRegistry: { server: 'acr.azurecr.io', region: 'westus' } },
      'image-registry',
      'not-ready',
    ],
    ['a lag over the RPO', { lagMs: 60_001 }, 'lag', 'degraded'],
    [
      'a failed object',
      { counts: [{ kind: 'm', pending: 0, failed: 1, conflict: 0 }] },
      'unproven',
      'degraded',
    ],
    [
      'a size that is not offered',
      { machines: [{ ...machine, size: 'Standard_X' }] },
      'sizes',
      'not-ready',
    ],
    // 6 and 2 of reserve are 8, 6 more of 4 cores each.
    [
      'the reserve of endpoints over the quota',
      { machines: [{ ...machine, wanted: 6 }] },
      'quota',
      'not-ready',
    ],
    [
      'several in one family',
      { machines: [machine, { ...machine, isEndpoint: false, standing: 0, wanted: 2 }] },
      'quota',
      'not-ready',
    ],
    [
      'an unreadable secret',
      { secrets: [{ object: 'd', state: 'unreadable' }] },
      'secrets',
      'not-ready',
    ],
    [
      'different secrets',
      { secrets: [{ object: 'd', state: 'different' }] },
      'secrets',
      'degraded',
    ],
    [
      'an endpoint of a past epoch',
      { endpoints: [{ name: 'c', member: 'east', epoch: 2, error: null }] },
      'stable-endpoints',
      'degraded',
    ],
    [
      'an endpoint that cannot be read',
      { endpoints: [{ name: 'c', member: null, epoch: null, error: 'denied' }] },
      'stable-endpoints',
      'not-ready',
    ],
    [
      'a workspace that may not use what its subscription may',
      {
        capacity: {
          // 6 instances of 4 cores run in it after a failover.
          families: [{ name: 'standardDSv2Family', used: 0, limit: 100, workspaceLimit: 23 }],
          sizes: [{ name: 'Standard_DS3_v2', family: 'standardDSv2Family', cores: 4 }],
        },
      },
      'workspace-quota',
      'not-ready',
    ],
    ['a taken name', { nameConflicts: ['model/a/1'] }, 'name-conflicts', 'degraded'],
    ['an overdue drill', { drillOverdue: true }, 'drill', 'degraded'],
    [
      'what could not be looked at',
      { unknown: [{ what: 'x', reason: 'y' }] },
      'looked',
      'degraded',
    ],
  ]
  it.each(cases)('finds %s', (_name, change, rule, verdict) => {
    const { findings, verdict: found } = assess({ ...sound, ...change })
    expect(findings.map((finding) => finding.rule)).toEqual([rule])
    expect(found).toBe(verdict)
    expect(findings[0]?.evidence.length).toBeGreaterThan(0)
    expect(findings[0]?.remedy).not.toBe('')
  })

  it('does not count quotas that a service does not have', () => {
    const unlimited = { ...sound, capacity: null, machines: [{ ...machine, wanted: 500 }] }
    expect(assess(unlimited).verdict).toBe('ready')
  })
})

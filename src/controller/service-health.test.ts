import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import type { ResourceHealth, ServiceEvent } from '../workspace/workspace.ts'
import type { ProtectedGroup } from './protected-group.ts'
import { serviceHealth } from './service-health.ts'

const event: ServiceEvent = {
  ...{ trackingId: 'TRK-1', title: 'Storage is slow', service: 'Storage', region: 'East US' },
  since: '2026-01-01T00:00:00Z',
}

const vault: ResourceHealth = {
  ...{ resource: 'key vault kv', state: 'unavailable', summary: 'It does not answer.' },
  ...{ reason: 'Unplanned', since: '2026-01-01T00:00:00Z' },
}

function scene(
  answer: () => Promise<readonly ServiceEvent[]>,
  resources: () => Promise<readonly ResourceHealth[]> = async () => [],
) {
  const warnings: unknown[] = []
  let [now, asked, changes] = [0, 0, 0]
  const direct = {
    readServiceEvents: () => {
      asked += 1
      return answer()
    },
    readResourceHealth: resources,
  }
  const health = serviceHealth(
    {
      ...{ members: new Map([['east', { direct }]]), plan: { group: 'g' } },
      ...{ clock: () => new Date(now), log: { warn: (what: unknown) => warnings.push(what) } },
    } as unknown as ProtectedGroup,
    () => {
      changes += 1
    },
  )
  const look = async (at: number) => {
    now = at
    health.look()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { health, look, warnings, counts: () => ({ asked, changes }) }
}

describe('what the cloud says of itself', () => {
  it('is a finding as long as it says so, asked for once a minute', async () => {
    let events = [event]
    const { health, look, counts } = scene(async () => events)
    expect(health.findings()).toEqual([])
    for (const at of [0, 1, 59_999]) await look(at)
    expect(counts()).toEqual({ asked: 1, changes: 1 })
    expect(health.findings()).toMatchObject([
      {
        rule: 'service-health',
        sentence:
          'east: the cloud reports trouble with Storage in East US since 2026-01-01T00:00:00Z: Storage is slow.',
        evidence: ['TRK-1: Storage, East US: Storage is slow'],
      },
    ])
    events = []
    await look(60_000)
    expect(health.findings()).toEqual([])
    expect(counts()).toEqual({ asked: 2, changes: 2 })
    await health.stop()
    await look(200_000)
    expect(counts().asked).toBe(2)
  })

  it('claims nothing when it cannot be read, and says so once (I8)', async () => {
    let forbidden = false
    const { health, look, warnings } = scene(async () => {
      if (forbidden) throw new HoldfastError('workspace.forbidden', 'no')
      return [event]
    })
    await look(0)
    forbidden = true
    for (const at of [60_000, 120_000]) await look(at)
    expect(health.findings()).toEqual([])
    expect(warnings).toHaveLength(1)
  })

  it('names single resources that are ill, and not those that are well or unknown', async () => {
    const account = { ...vault, resource: 'storage account sa' }
    const { health, look } = scene(
      async () => [],
      async () => [
        vault,
        { ...account, state: 'unknown' },
        { ...account, resource: 'workspace ws', state: 'available' },
      ],
    )
    await look(0)
    expect(health.findings()).toMatchObject([
      {
        rule: 'resource-health',
        sentence: 'east: the cloud calls key vault kv unavailable.',
        evidence: [
          'key vault kv: unavailable, Unplanned, since 2026-01-01T00:00:00Z, It does not answer.',
        ],
      },
    ])
  })

  it('keeps what one source says when the other may not be read', async () => {
    const { health, look, warnings } = scene(
      async () => [event],
      async () => {
        throw new HoldfastError('workspace.forbidden', 'no', { kind: 'operator' })
      },
    )
    for (const at of [0, 60_000]) await look(at)
    expect(health.findings().map(({ rule }) => rule)).toEqual(['service-health'])
    expect(warnings).toHaveLength(1)
  })
})

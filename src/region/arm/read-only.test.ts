import { describe, expect, it } from 'vitest'
import { withoutReadOnly } from './read-only.ts'

const workspaces = 'Microsoft.MachineLearningServices/workspaces'

describe('withoutReadOnly', () => {
  it('takes service-made fields from what is stored, and drops them when nothing is', () => {
    const written = {
      id: 'other',
      systemData: { createdBy: 'me' },
      properties: { allowed: 1, workspaceId: 'mine', notebookInfo: { a: 1 } },
    }
    expect(withoutReadOnly(workspaces, written)).toEqual({ properties: { allowed: 1 } })
    const stored = { properties: { allowed: 0, workspaceId: 'theirs' } }
    expect(withoutReadOnly(workspaces, written, stored)).toEqual({
      properties: { allowed: 1, workspaceId: 'theirs' },
    })
    expect(written.properties.workspaceId).toBe('mine')
  })

  it('reaches into maps, lists and variants', () => {
    const identities = (principalId: string) => ({
      identity: { userAssignedIdentities: { '/id/a': { principalId, keep: 1 } } },
    })
    expect(
      withoutReadOnly(`${workspaces}/onlineEndpoints`, identities('forged'), identities('real')),
    ).toEqual(identities('real'))
    const instance = (time: string) => ({
      properties: { properties: { schedules: { computeStartStop: [{ id: time, cron: 'c' }] } } },
    })
    expect(withoutReadOnly(`${workspaces}/computes`, instance('forged'), instance('real'))).toEqual(
      instance('real'),
    )
  })

  it('leaves documents of other providers alone', () => {
    const body = { properties: { provisioningState: 'Mine', anything: [1] } }
    expect(withoutReadOnly('Microsoft.Future/things', body)).toEqual(body)
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { settled, startTestRegion, type TestRegion } from '../src/region/testing/test-region.ts'
import { openAzureMlWorkspace } from '../src/workspace/azureml/azureml-workspace.ts'
import type { Workspace } from '../src/workspace/workspace.ts'

describe('events of Service Health, from a region in trouble', () => {
  let folder: string
  let region: TestRegion
  let workspace: Workspace

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-events-'))
    region = await startTestRegion({ name: 'eastus', caDir: join(folder, 'ca') })
    const subscription = '/subscriptions/00000000-0000-0000-0000-000000000001'
    const group = `${subscription}/resourceGroups/rg`
    const workspaceId = `${group}/providers/Microsoft.MachineLearningServices/workspaces/events`
    const body = { location: 'eastus' }
    await region.call('PUT', `${group}?api-version=2022-09-01`, { body })
    const made = await region.call('PUT', `${workspaceId}?api-version=2025-12-01`, {
      body: { ...body, identity: { type: 'SystemAssigned' }, properties: {} },
    })
    await settled(region.call, made)
    const { cloudFile: cloud } = region.region
    workspace = await openAzureMlWorkspace({ name: 'east', workspaceId, cloud, folder })
  })

  afterAll(async () => {
    await workspace?.close()
    await region?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('names what is wrong while it is wrong, and nothing afterwards', async () => {
    expect(await workspace.readServiceEvents()).toEqual([])
    const fault = { kind: 'unavailable', scope: { service: 'data' } }
    const token = await region.token(region.region.origin)
    const { body } = await region.call('POST', '/_region/faults', { body: fault, token })
    const [event, ...more] = await workspace.readServiceEvents()
    expect(more).toEqual([])
    expect(event).toMatchObject({
      ...{ trackingId: (body as { id: string }).id, region: 'East US' },
      service: 'Machine Learning Services',
    })
    await region.call('DELETE', '/_region/faults', { token })
    expect(await workspace.readServiceEvents()).toEqual([])
  })

  describe('health of single resources', () => {
    const fault = async (body: unknown) =>
      region.call('POST', '/_region/faults', {
        body,
        token: await region.token(region.region.origin),
      })
    const lift = async () =>
      region.call('DELETE', '/_region/faults', { token: await region.token(region.region.origin) })
    const states = async () =>
      Object.fromEntries(
        (await workspace.readResourceHealth()).map(({ resource, state }) => [
          resource.replace(/ [^ ]+$/, ''),
          state,
        ]),
      )
    const well = {
      workspace: 'available',
      'storage account': 'available',
      'key vault': 'available',
    }

    it('follows the troubles of the service behind each', async () => {
      expect(await states()).toEqual(well)
      await fault({ kind: 'unavailable', scope: { service: 'vault' } })
      await fault({ kind: 'slow', latencyMs: 1, scope: { service: 'blob' } })
      expect(await states()).toEqual({
        ...well,
        ...{ 'storage account': 'degraded', 'key vault': 'unavailable' },
      })
      const [vault] = (await workspace.readResourceHealth()).filter(
        ({ state }) => state === 'unavailable',
      )
      expect(vault).toMatchObject({ reason: 'Unplanned', since: expect.stringMatching(/^\d{4}-/) })
      await lift()
      expect(await states()).toEqual(well)
    })

    it('may be false, and is no event of a service then', async () => {
      await fault({ kind: 'falseHealth', scope: { service: 'blob' } })
      expect(await states()).toEqual({ ...well, 'storage account': 'unavailable' })
      expect(await workspace.readServiceEvents()).toEqual([])
      await fault({ kind: 'unavailable', scope: { service: 'blob' } })
      expect(await states()).toEqual(well)
      await lift()
    })

    it('is said to be forbidden where it may not be read', async () => {
      await fault({ kind: 'forbid', scope: { path: 'availabilityStatuses' } })
      await expect(workspace.readResourceHealth()).rejects.toMatchObject({ kind: 'operator' })
      await lift()
    })
  })
})

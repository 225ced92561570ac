import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isCode } from '../../src/model/errors.ts'
import { settled, startTestRegion, type TestRegion } from '../../src/region/testing/test-region.ts'
import { openAzureMlWorkspace } from '../../src/workspace/azureml/azureml-workspace.ts'
import { breaking } from '../../src/workspace/decorators/breaking.ts'
import { interceptWorkspace } from '../../src/workspace/decorators/intercept.ts'
import { limited } from '../../src/workspace/decorators/limited.ts'
import { retrying } from '../../src/workspace/decorators/retrying.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'

const id =
  '/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/ws'
const calls = 40

let region: TestRegion
let direct: Workspace

beforeAll(async () => {
  region = await startTestRegion()
  const body = { location: 'eastus', properties: {} }
  await settled(region.call, await region.call('PUT', `${id}?api-version=2025-12-01`, { body }))
  direct = await openAzureMlWorkspace({
    ...{ name: 'east', workspaceId: id, cloud: region.region.cloudFile, folder: region.dataDir },
  })
})
afterAll(async () => {
  await direct.close()
  await region.stop()
})

/** Counts the 429s that the region really gave. */
function counted() {
  let throttled = 0
  const workspace = interceptWorkspace(direct, async (_call, next) => {
    try {
      return await next()
    } catch (error) {
      if (isCode(error, 'workspace.throttled')) throttled += 1
      throw error
    }
  })
  return { workspace, throttled: () => throttled }
}

async function askMany(workspace: Workspace) {
  const asked = Array.from({ length: calls }, (_, i) =>
    workspace.getObject({ kind: 'model', path: ['m', String(i)] }),
  )
  return (await Promise.allSettled(asked)).filter(({ status }) => status === 'fulfilled').length
}

const faults = async (fault: object) => {
  const token = await region.token(region.region.origin)
  const answer = await region.call('POST', '/_region/faults', { token, body: fault })
  expect(answer.status).toBe(201)
  return async () => {
    await region.call('DELETE', '/_region/faults', { token })
  }
}

describe('a region that throttles', () => {
  it('gets fewer requests to refuse than without bound and breaker, and is used again', async () => {
    const retries = { attempts: 4, baseDelayMs: 1 }
    const plain = counted()
    const careful = counted()
    const guarded = limited(breaking(careful.workspace, { failures: 10, openMs: 1 }), { max: 8 })
    const lift = await faults({ kind: 'throttle', retryAfterSeconds: 0 })
    expect(await askMany(retrying(plain.workspace, retries))).toBe(0)
    expect(plain.throttled()).toBe(calls * retries.attempts)
    const patient = limited(breaking(careful.workspace, { failures: 10 }), { max: 8 })
    expect(await askMany(retrying(patient, retries))).toBe(0)
    expect(careful.throttled()).toBeLessThanOrEqual(10 + 8)
    await lift()
    await expect
      .poll(() => guarded.getObject({ kind: 'model', path: ['m', '1'] }).catch(() => 'refused'))
      .toBeUndefined()
    expect(await askMany(retrying(guarded, retries))).toBe(calls)
  })

  it('is left alone as long as it asks for, by all calls of that service', async () => {
    const { workspace, throttled } = counted()
    const lift = await faults({ kind: 'throttle', retryAfterSeconds: 2 })
    const patient = retrying(limited(workspace, { max: 4 }))
    const asked = askMany(patient)
    await expect.poll(throttled).toBe(4)
    await lift()
    // Without the hold, others would have been refused before it was lifted.
    expect(await asked).toBe(calls)
    expect(throttled()).toBe(4)
  })
})

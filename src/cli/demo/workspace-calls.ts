import { setTimeout as delay } from 'node:timers/promises'
import { HoldfastError } from '../../model/errors.ts'
import type { DemoRegion } from './regions.ts'
import type { RestClient } from './rest-client.ts'
import { type Stage, waitFor } from './stage.ts'

/** What the demo asks of a workspace, in the public REST API's words. */

const version = 'api-version=2025-12-01'

const payload = { payments: [{ amount: 950, hour: 3, distance_km: 80, age_days: 10 }] }
export const scoringPayload = JSON.stringify(payload)

interface Resource {
  readonly properties: Readonly<Record<string, unknown>>
}

/** Makes the resource group and the workspace, and waits until it is there. */
export async function createWorkspace(client: RestClient, workspaceId: string): Promise<void> {
  const location = client.cloud.name
  const group = workspaceId.split('/').slice(0, 5).join('/')
  await client.json(`${group}?api-version=2022-09-01`, { method: 'PUT', body: { location } })
  const body = {
    location,
    identity: { type: 'SystemAssigned' },
    properties: { friendlyName: 'Fraud models' },
  }
  await client.json(`${workspaceId}?${version}`, { method: 'PUT', body })
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const { properties } = await client.json<Resource>(`${workspaceId}?${version}`)
    if (properties.provisioningState === 'Succeeded') return
    await delay(100)
  }
  throw new HoldfastError('demo.workspace-slow', `Workspace ${workspaceId} was not ready in time.`)
}

export async function jobStatus(region: DemoRegion, job: string): Promise<string> {
  const { client, workspaceId } = region
  const { properties } = await client.json<Resource>(`${workspaceId}/jobs/${job}?${version}`)
  return String(properties.status)
}

export async function waitForJob(
  stage: Stage,
  region: DemoRegion,
  job: string,
  timeoutMs: number,
): Promise<string> {
  return waitFor(stage, { what: `job ${job}`, timeoutMs }, async () => {
    const status = await jobStatus(region, job)
    return /^(Completed|Failed|Canceled)$/.test(status) ? status : undefined
  })
}

export async function endpointKey(region: DemoRegion, endpoint: string): Promise<string> {
  const path = `${region.workspaceId}/onlineEndpoints/${endpoint}/listKeys?${version}`
  const { primaryKey } = await region.client.json<{ primaryKey: string }>(path, { method: 'POST' })
  return primaryKey
}

/** One real request to the endpoint, at its own address. */
export async function scoreOnce(region: DemoRegion, endpoint: string): Promise<string> {
  const { client, workspaceId } = region
  const path = `${workspaceId}/onlineEndpoints/${endpoint}?${version}`
  const { properties } = await client.json<Resource>(path)
  const bearer = await endpointKey(region, endpoint)
  const answer = await client.bytes(String(properties.scoringUri), {
    method: 'POST',
    body: payload,
    bearer,
  })
  return answer.toString()
}

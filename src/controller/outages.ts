import { Agent, request } from 'undici'
import type { Outage } from '../api/detail-contract.ts'
import { HoldfastError } from '../model/errors.ts'
import { type Cloud, openCloud } from '../workspace/azureml/cloud.ts'
import type { ProtectedGroup } from './protected-group.ts'

/**
 * The demo's switch: cuts every connection of a local region, as its owner may. Members in Azure have
 * no such address, so there is nothing to press for them.
 */
export async function listOutages(group: ProtectedGroup): Promise<Outage[]> {
  const local = await localRegions(group)
  return Promise.all(
    [...local].map(async ([member, cloud]) => ({ member, down: await isDown(cloud) })),
  )
}

/** Throws `outage.not-local` (operator) for a member that is no local region. */
export async function switchOutage(
  group: ProtectedGroup,
  member: string,
  down: boolean,
): Promise<Outage> {
  const cloud = (await localRegions(group)).get(member)
  if (cloud === undefined) {
    throw new HoldfastError('outage.not-local', `'${member}' is no local region.`, {
      kind: 'operator',
      hint: 'An outage can be rehearsed on local regions only: npm start',
    })
  }
  for (const id of await downFaults(cloud)) await call(cloud, 'DELETE', `/faults/${id}`)
  if (down) await call(cloud, 'POST', '/faults', { kind: 'down' })
  return { member, down: await isDown(cloud) }
}

type LocalRegion = Cloud & { readonly admin: string }

async function localRegions({ plan }: ProtectedGroup): Promise<Map<string, LocalRegion>> {
  const found = new Map<string, LocalRegion>()
  for (const { name, cloud, mlflow } of plan.members) {
    if (mlflow !== undefined) continue
    const opened = await openCloud(cloud, plan.folder)
    if (opened.admin !== undefined) found.set(name, { ...opened, admin: opened.admin })
  }
  return found
}

async function isDown(cloud: LocalRegion): Promise<boolean | null> {
  try {
    return (await downFaults(cloud)).length > 0
  } catch {
    // Its process has ended: no switch brings that back.
    return null
  }
}

async function downFaults(cloud: LocalRegion): Promise<string[]> {
  const { value } = (await call(cloud, 'GET', '/faults')) as {
    value: { id: string; kind: string; scope: unknown }[]
  }
  return value.filter(({ kind, scope }) => kind === 'down' && scope === 'region').map((f) => f.id)
}

const callLimitMs = 3000

async function call(
  cloud: LocalRegion,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<unknown> {
  const agent = new Agent(cloud.ca === undefined ? {} : { connect: { ca: cloud.ca } })
  try {
    const abortSignal = AbortSignal.timeout(callLimitMs)
    const credential = await cloud.credential()
    const token = await credential.getToken(`${cloud.resourceManager}/.default`, { abortSignal })
    const answer = await request(`${cloud.admin}${path}`, {
      ...{ method, dispatcher: agent, signal: abortSignal },
      headers: { authorization: `Bearer ${token?.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.body.text()
    if (answer.statusCode < 400) return text === '' ? undefined : JSON.parse(text)
    throw new HoldfastError('region.refused', `Region ${cloud.name} refuses: ${text}`)
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause
    throw new HoldfastError('region.not-running', `Region ${cloud.name} does not answer.`, {
      kind: 'operator',
      hint: 'Start it: holdfast region start',
      cause,
    })
  } finally {
    await agent.close()
  }
}

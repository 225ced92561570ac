import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startTestRegion, type TestRegion } from '../../region/testing/test-region.ts'
import { type Cloud, openCloud } from '../../workspace/azureml/cloud.ts'
import { pointerOfMark } from '../pointer-mark.ts'
import type { StableEndpoint } from '../stable-endpoint.ts'
import { startDnsServer } from '../testing/dns-server.ts'
import {
  describeTrafficContract,
  type Member,
  type TrafficWorld,
  targetOf,
} from '../testing/endpoint-contract.ts'
import { apiManagementEndpoint } from './api-management.ts'
import type { AzureTrafficOptions } from './azure-traffic.ts'
import { dnsRecordEndpoint } from './dns-record.ts'
import { frontDoorEndpoint } from './front-door.ts'
import { trafficManagerEndpoint } from './traffic-manager.ts'

let region: TestRegion
let cloud: Cloud
let count = 0
beforeAll(async () => {
  region = await startTestRegion()
  cloud = await openCloud(region.region.cloudFile, '.')
})
afterAll(() => region?.stop())
const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

type Fields = Record<string, unknown>
const groupOf = (n: number) => `/subscriptions/sub/resourceGroups/rg${n}/providers`

async function put(id: string, body: unknown): Promise<void> {
  const answer = await region.call('PUT', `${id}?api-version=2024-01-01`, { body })
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
}

async function get(id: string): Promise<Fields & { properties: Fields }> {
  const answer = await region.call('GET', `${id}?api-version=2024-01-01`)
  return answer.body as Fields & { properties: Fields }
}

const etagOf = async (id: string) =>
  (await region.call('GET', `${id}?api-version=2024-01-01`)).headers.etag

/**
 * The requests' own way: a server that leads each one where the resource says at that moment, as the
 * service would. A member that is broken answers 503.
 */
async function startFront(leads: () => Promise<Member | undefined>) {
  const broken = new Set<Member>()
  const server = createServer((_request, response) => {
    leads().then(
      (member) => {
        const isUp = member !== undefined && !broken.has(member)
        response.writeHead(
          isUp ? 200 : 503,
          member === undefined ? {} : { 'x-served-by': `${member}-region` },
        )
        response.end()
      },
      () => response.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUps.push(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/`
  return {
    probe: {
      url,
      memberHeader: 'x-served-by',
      answers: { east: 'east-region', west: 'west-region' },
    },
    breakMember: async (member: Member) => void broken.add(member),
    /** Undefined: nobody answers. */
    async answeredBy(): Promise<string | undefined> {
      const answer = await fetch(url)
      await answer.arrayBuffer()
      return answer.ok ? answer.headers.get('x-served-by')?.replace('-region', '') : undefined
    },
  }
}

type Front = Awaited<ReturnType<typeof startFront>>

function common(id: string, front: Front): AzureTrafficOptions {
  return {
    id,
    cloud: async () => cloud,
    members: { east: 'east-side', west: 'west-side' },
    others: 'disabled',
    probe: front.probe,
    patienceMs: 300,
  }
}

function world(
  front: Front,
  open: () => StableEndpoint,
  rest: {
    readonly epoch: () => Promise<number | undefined>
    readonly mark: () => Promise<unknown>
    readonly tamper: () => Promise<void>
  },
): TrafficWorld {
  return {
    endpoint: open(),
    another: open,
    breakMember: front.breakMember,
    mark: rest.mark,
    tamper: rest.tamper,
    async leadsTo() {
      const [member, epoch] = [await front.answeredBy(), await rest.epoch()]
      return member === undefined || epoch === undefined ? undefined : { member, epoch }
    },
  }
}

const memberNamed = (name: unknown): Member | undefined =>
  name === 'east-side' ? 'east' : name === 'west-side' ? 'west' : undefined

// --- Front Door --------------------------------------------------------------------------------

async function frontDoorWorld() {
  const profile = `${groupOf(count++)}/Microsoft.Cdn/profiles/fd`
  const id = `${profile}/originGroups/scoring`
  const origin = (name: string) => `${id}/origins/${name}`
  const tags = { owner: 'ml' }
  await put(profile, { location: 'Global', sku: { name: 'Standard_AzureFrontDoor' }, tags })
  await put(id, { properties: { loadBalancingSettings: { sampleSize: 4 } } })
  for (const [name, priority] of [
    ['east-side', 1],
    ['west-side', 2],
  ] as const) {
    const hostName = `${name}.inference.ml.azure.com`
    await put(origin(name), {
      properties: {
        hostName,
        originHostHeader: hostName,
        httpsPort: 443,
        priority,
        weight: 500,
        enabledState: 'Enabled',
      },
    })
  }
  /** As Front Door chooses: of the enabled ones, that with the lowest priority. */
  const front = await startFront(async () => {
    const origins = await Promise.all(
      ['east-side', 'west-side'].map(async (name) => ({
        name,
        ...(await get(origin(name))).properties,
      })),
    )
    const enabled = (origins as Fields[]).filter((each) => each.enabledState === 'Enabled')
    return memberNamed(enabled.toSorted((a, b) => Number(a.priority) - Number(b.priority))[0]?.name)
  })
  const open = () => frontDoorEndpoint(common(id, front))
  const all = [profile, origin('east-side'), origin('west-side')]
  return {
    ...world(front, open, {
      epoch: async () =>
        pointerOfMark(String(((await get(profile)).tags as Fields)['holdfast-scoring']))?.epoch,
      mark: () => Promise.all(all.map(etagOf)),
      tamper: async () => {
        await region.call('PATCH', `${origin('east-side')}?api-version=2024-01-01`, {
          body: { properties: { enabledState: 'Disabled' } },
        })
      },
    }),
    profile,
    origin,
    front,
    id,
  }
}
describeTrafficContract('Azure Front Door', frontDoorWorld)

describe('Azure Front Door', () => {
  it('changes state and priority of origins and one tag, and nothing else', async () => {
    const { endpoint, profile, origin } = await frontDoorWorld()
    await endpoint.switchTo({ member: 'west', epoch: 3 }, targetOf('west'))
    expect((await get(profile)).tags).toEqual({ owner: 'ml', 'holdfast-scoring': 'west@3' })
    const rest = { httpsPort: 443, weight: 500 }
    expect((await get(origin('west-side'))).properties).toEqual({
      ...rest,
      hostName: 'west-side.inference.ml.azure.com',
      originHostHeader: 'west-side.inference.ml.azure.com',
      enabledState: 'Enabled',
      priority: 1,
    })
    expect((await get(origin('east-side'))).properties).toMatchObject({
      ...rest,
      enabledState: 'Disabled',
      priority: 2,
    })
  })

  it('finishes what a controller began that died after the tag (I2)', async () => {
    const { endpoint, profile, leadsTo } = await frontDoorWorld()
    await region.call('PATCH', `${profile}?api-version=2024-01-01`, {
      body: { tags: { 'holdfast-scoring': 'west@2' } },
    })
    await expect(endpoint.verify({ member: 'west', epoch: 2 })).rejects.toMatchObject({
      code: 'traffic.not-switched',
    })
    await endpoint.switchTo({ member: 'west', epoch: 2 }, targetOf('west'))
    expect(await leadsTo()).toEqual({ member: 'west', epoch: 2 })
  })

  it('leaves the other side ready where the plan wants a standby', async () => {
    const { front, id, origin } = await frontDoorWorld()
    const endpoint = frontDoorEndpoint({ ...common(id, front), others: 'standby' })
    await endpoint.switchTo({ member: 'west', epoch: 1 }, targetOf('west'))
    expect((await get(origin('east-side'))).properties).toMatchObject({
      enabledState: 'Enabled',
      priority: 2,
    })
  })

  it('names a resource that is not there', async () => {
    const { front } = await frontDoorWorld()
    const id = `${groupOf(count++)}/Microsoft.Cdn/profiles/none/originGroups/scoring`
    await expect(frontDoorEndpoint(common(id, front)).current()).rejects.toMatchObject({
      code: 'traffic.not-found',
      kind: 'operator',
    })
  })
})

// --- Traffic Manager ---------------------------------------------------------------------------

async function trafficManagerWorld() {
  const id = `${groupOf(count++)}/Microsoft.Network/trafficmanagerprofiles/tm`
  const endpointOf = (name: string, priority: number) => ({
    id: `${id}/externalEndpoints/${name}`,
    name,
    type: 'Microsoft.Network/trafficManagerProfiles/externalEndpoints',
    properties: { target: `${name}.example.com`, endpointStatus: 'Enabled', priority, weight: 1 },
  })
  const endpoints = [endpointOf('east-side', 1), endpointOf('spare', 2), endpointOf('west-side', 3)]
  await put(id, {
    location: 'global',
    tags: { owner: 'ml' },
    properties: {
      profileStatus: 'Enabled',
      trafficRoutingMethod: 'Priority',
      dnsConfig: { relativeName: 'tm', ttl: 30 },
      monitorConfig: { protocol: 'HTTPS', port: 443, path: '/' },
      endpoints,
    },
  })
  const listed = async () =>
    (await get(id)).properties.endpoints as { name: string; properties: Fields }[]
  const front = await startFront(async () => {
    const enabled = (await listed()).filter(
      ({ properties }) => properties.endpointStatus === 'Enabled',
    )
    const order = enabled.toSorted(
      (a, b) => Number(a.properties.priority) - Number(b.properties.priority),
    )
    return memberNamed(order[0]?.name)
  })
  const open = () => trafficManagerEndpoint(common(id, front))
  return {
    ...world(front, open, {
      epoch: async () => pointerOfMark(String(((await get(id)).tags as Fields).holdfast))?.epoch,
      mark: () => etagOf(id),
      tamper: async () => {
        const { tags, location, properties } = await get(id)
        const moved = (await listed()).map((each) => ({
          ...each,
          properties: { ...each.properties, endpointStatus: 'Disabled' },
        }))
        await put(id, { tags, location, properties: { ...properties, endpoints: moved } })
      },
    }),
    id,
    listed,
  }
}
describeTrafficContract('Azure Traffic Manager', trafficManagerWorld)

describe('Azure Traffic Manager', () => {
  it('gives every endpoint a priority of its own, and leaves strangers enabled behind', async () => {
    const { endpoint, listed, id } = await trafficManagerWorld()
    await endpoint.switchTo({ member: 'west', epoch: 2 }, targetOf('west'))
    const seen = (await listed()).map(({ name, properties }) => [
      name,
      properties.priority,
      properties.endpointStatus,
    ])
    expect(seen).toEqual([
      ['east-side', 2, 'Disabled'],
      ['spare', 3, 'Enabled'],
      ['west-side', 1, 'Enabled'],
    ])
    expect(await get(id)).toMatchObject({
      tags: { owner: 'ml', holdfast: 'west@2' },
      properties: { dnsConfig: { relativeName: 'tm', ttl: 30 }, trafficRoutingMethod: 'Priority' },
    })
  })

  it('says when the profile lacks the endpoint it should lead to', async () => {
    const { id } = await trafficManagerWorld()
    const front = await startFront(async () => 'west')
    const members = { east: 'east-side', west: 'gone' }
    const endpoint = trafficManagerEndpoint({ ...common(id, front), members })
    await expect(
      endpoint.switchTo({ member: 'west', epoch: 2 }, targetOf('west')),
    ).rejects.toMatchObject({ code: 'traffic.undone' })
  })
})

// --- API Management ----------------------------------------------------------------------------

async function apiManagementWorld() {
  const service = `${groupOf(count++)}/Microsoft.ApiManagement/service/apim`
  const id = `${service}/backends/pool`
  const backend = (name: string) => `${service}/backends/${name}`
  await put(service, { location: 'eastus', sku: { name: 'Premium', capacity: 1 } })
  for (const name of ['east-side', 'west-side']) {
    await put(backend(name), {
      properties: { url: `https://${name}.example.com`, protocol: 'http' },
    })
  }
  await put(id, {
    properties: {
      description: 'Scoring.',
      type: 'Pool',
      pool: { services: [{ id: backend('east-side'), priority: 1, weight: 3 }] },
    },
  })
  const services = async () =>
    ((await get(id)).properties.pool as { services: { id: string; priority: number }[] }).services
  const front = await startFront(async () => {
    const [first] = (await services()).toSorted((a, b) => a.priority - b.priority)
    return memberNamed(first?.id.split('/').at(-1))
  })
  const open = () => apiManagementEndpoint(common(id, front))
  return {
    ...world(front, open, {
      epoch: async () => {
        const [, mark] =
          /\[holdfast (\S+)\]/.exec(String((await get(id)).properties.description)) ?? []
        return pointerOfMark(mark)?.epoch
      },
      mark: () => etagOf(id),
      tamper: async () => {
        const { properties } = await get(id)
        await put(id, {
          properties: {
            ...properties,
            pool: { services: [{ id: backend('west-side'), priority: 1 }] },
          },
        })
      },
    }),
    id,
    services,
    backend,
  }
}
describeTrafficContract('Azure API Management', apiManagementWorld)

describe('Azure API Management', () => {
  it('keeps weights and the description people wrote', async () => {
    const { endpoint, id, services, backend } = await apiManagementWorld()
    await endpoint.switchTo({ member: 'east', epoch: 1 }, targetOf('east'))
    expect(await services()).toEqual([{ id: backend('east-side'), priority: 1, weight: 3 }])
    await endpoint.switchTo({ member: 'west', epoch: 2 }, targetOf('west'))
    expect(await services()).toEqual([{ id: backend('west-side'), priority: 1, weight: 1 }])
    expect((await get(id)).properties.description).toBe('Scoring. [holdfast west@2]')
  })

  it('does not mind in which order the service names fields', async () => {
    const { endpoint, id, backend, mark } = await apiManagementWorld()
    await endpoint.switchTo({ member: 'west', epoch: 2 }, targetOf('west'))
    const { properties } = await get(id)
    const service = { priority: 1, id: backend('west-side'), weight: 1 }
    const reversed = Object.fromEntries(Object.entries(properties).toReversed())
    await put(id, { properties: { ...reversed, pool: { services: [service] } } })
    const before = await mark()
    await endpoint.verify({ member: 'west', epoch: 2 })
    await endpoint.switchTo({ member: 'west', epoch: 2 }, targetOf('west'))
    expect(await mark()).toEqual(before)
  })
})

// --- DNS ---------------------------------------------------------------------------------------

async function dnsWorld(kind: 'dnsZones' | 'privateDnsZones') {
  const zone = `${groupOf(count++)}/Microsoft.Network/${kind}/ml.example.com`
  const id = `${zone}/CNAME/scoring`
  const field = kind === 'dnsZones' ? 'CNAMERecord' : 'cnameRecord'
  await put(zone, { location: 'global' })
  await put(id, {
    properties: { TTL: 30, metadata: { owner: 'ml' }, [field]: { cname: 'old.example.com' } },
  })
  let asleep: Member | undefined
  const cname = async () => {
    const { cname: target } = (await get(id)).properties[field] as { cname: string }
    return target
  }
  const server = await startDnsServer(async (host) => {
    const target = host === 'scoring.ml.example.com' ? await cname() : undefined
    return target === `${asleep}.example.com` ? undefined : target
  })
  cleanUps.push(() => server.stop())
  const open = () =>
    dnsRecordEndpoint({
      id,
      cloud: async () => cloud,
      members: { east: 'east.example.com', west: 'west.example.com' },
      resolver: server.address,
      patienceMs: 300,
    })
  const metadata = async () => (await get(id)).properties.metadata as Fields
  return {
    endpoint: open(),
    another: open,
    leadsTo: async () => ({
      member: (await cname()).split('.')[0] ?? '',
      epoch: Number((await metadata()).holdfastEpoch),
    }),
    mark: () => etagOf(id),
    tamper: async () => {
      const { properties } = await get(id)
      await put(id, { properties: { ...properties, [field]: { cname: 'elsewhere.example.com' } } })
    },
    breakMember: async (member: Member) => {
      asleep = member
    },
    id,
  }
}
describeTrafficContract('Azure DNS record', () => dnsWorld('dnsZones'))
describeTrafficContract('Azure private DNS record', () => dnsWorld('privateDnsZones'))

describe('Azure DNS', () => {
  it('keeps the TTL and the metadata of others', async () => {
    const { endpoint, id } = await dnsWorld('dnsZones')
    await endpoint.switchTo({ member: 'west', epoch: 2 }, targetOf('west'))
    expect((await get(id)).properties).toEqual({
      TTL: 30,
      metadata: { owner: 'ml', holdfastMember: 'west', holdfastEpoch: '2' },
      CNAMERecord: { cname: 'west.example.com' },
    })
  })
})

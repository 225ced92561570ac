import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { endpointKinds } from '../plan/endpoint-schema.ts'
import { parsePlan } from '../plan/load-plan.ts'
import { type DrivenEndpointPlan, openEndpoint } from './open-endpoint.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-open-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const workspace = (name: string) =>
  `/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/${name}`

const provider = '/subscriptions/s/resourceGroups/g/providers'

/** One of each kind, as the documentation shows it. */
const endpoints = `
  - { workspaceConfig: ./config.json }
  - { workspaceConfigGit: "https://127.0.0.1:1/ml.git", file: ml/config.json, token: GIT_TOKEN }
  - { workspaceConfigBlob: "https://witness.blob.core.windows.net/ml/config.json" }
  - { gateway: scoring }
  - { haproxy: scoring, socket: /run/haproxy/admin.sock, map: /etc/haproxy/holdfast.map, probe: "https://127.0.0.1:1/" }
  - { nginx: scoring, snippet: ./holdfast-scoring.conf, members: { east: "e:443", west: "w:443" }, probe: "https://127.0.0.1:1/" }
  - { frontDoor: "${provider}/Microsoft.Cdn/profiles/fd/originGroups/scoring", members: { east: e, west: w } }
  - { trafficManager: "${provider}/Microsoft.Network/trafficManagerProfiles/tm", members: { east: e, west: w }, others: standby }
  - { apiManagement: "${provider}/Microsoft.ApiManagement/service/apim/backends/pool", members: { east: e, west: w }, probe: "https://apim.example.com/health", header: x-region, answers: { east: eastus, west: westus } }
  - { dns: "${provider}/Microsoft.Network/dnsZones/ml.example.com/CNAME/scoring", members: { east: e.example.com, west: w.example.com }, resolver: "127.0.0.1:1" }
  - { appConfiguration: "https://ml.azconfig.io", label: prod }
  - { github: team/ml }
  - { azureDevOps: "https://dev.azure.com/org/ml", group: 7 }
  - { kubernetes: ml/workspace }
`
const plan = parsePlan(
  `members:\n  east: { workspace: "${workspace('e')}", role: primary }\n  west: { workspace: "${workspace('w')}" }\nendpoints:${endpoints}`,
  join(folder, 'continuity.yaml'),
)

describe('entries of the plan', () => {
  it('are of every kind here', () => {
    expect(plan.endpoints.map(({ type }) => type)).toEqual(endpointKinds)
  })

  const driven = plan.endpoints.filter(
    (entry): entry is DrivenEndpointPlan => entry.type !== 'gateway',
  )
  it.each(driven)('become a driver: $type', (entry) => {
    const { endpoint, carries } = openEndpoint(entry, { plan, env: {} })
    expect(endpoint.name).not.toBe('')
    const isConfiguration = /^(workspaceConfig|appC|github|azureDevOps|kubernetes)/.test(entry.type)
    expect(carries).toBe(isConfiguration ? 'configuration' : 'requests')
  })

  it('need the secret that they name', async () => {
    const git = driven.find(({ type }) => type === 'workspaceConfigGit')
    if (git === undefined) throw new Error('no git')
    const { endpoint } = openEndpoint(git, { plan, env: {} })
    await expect(endpoint.current()).rejects.toMatchObject({
      code: 'traffic.no-secret',
      kind: 'operator',
    })
  })
})

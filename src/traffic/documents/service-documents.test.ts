import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { serverCertificate } from '../../region/auth/certificates.ts'
import type { Cloud } from '../../workspace/azureml/cloud.ts'
import { pointerOfMark } from '../pointer-mark.ts'
import {
  describeEndpointContract,
  type EndpointWorld,
  targetOf,
} from '../testing/endpoint-contract.ts'
import {
  type ServiceReply,
  type ServiceRequest,
  startStrictService,
} from '../testing/strict-service.ts'
import { appConfigurationEndpoint } from './app-configuration.ts'
import { azureDevOpsVariablesEndpoint } from './azure-devops-variables.ts'
import { parseDocument, pointerIn } from './config-document.ts'
import { githubVariableEndpoint } from './github-variable.ts'
import { kubernetesConfigMapEndpoint } from './kubernetes-config-map.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function serve(answer: (request: ServiceRequest) => ServiceReply) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-service-'))
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }))
  const certificate = await serverCertificate(folder, new Date())
  const service = await startStrictService(certificate, answer)
  cleanUps.push(() => service.stop())
  return { origin: service.origin, ca: certificate.ca, caPath: certificate.caPath }
}

const elsewhere = JSON.stringify({ holdfast: { member: 'north', epoch: 1 } })
const noConditions = 'the service has no conditional write'
const pointerOf = (text: unknown) => pointerIn(parseDocument(String(text)))

// --- App Configuration -------------------------------------------------------------------------

/** Key-values as the documented REST API keeps them: one by key and label, conditions by ETag. */
async function appConfigurationWorld() {
  let entry: { value: string; content_type: string; tags: object; etag: string } | undefined
  let version = 0
  const store = (value: string, rest: { content_type?: unknown; tags?: unknown }) => {
    version += 1
    const { content_type = '', tags = {} } = rest
    entry = {
      value,
      content_type: String(content_type),
      tags: tags as object,
      etag: `"v${version}"`,
    }
  }
  const scopes = new Set<unknown>()
  const service = await serve(({ method, path, query, headers, body }) => {
    expect(headers.authorization).toBe('Bearer token')
    expect([path, query.get('label'), query.get('api-version')]).toEqual([
      '/kv/ml%2Fworkspace',
      'prod',
      '1.0',
    ])
    const presented = () => ({
      status: 200,
      headers: { etag: entry?.etag ?? '' },
      body: { key: 'ml/workspace', label: 'prod', ...entry },
    })
    if (method === 'GET') return entry === undefined ? { status: 404 } : presented()
    expect(method).toBe('PUT')
    expect(headers['content-type']).toBe('application/vnd.microsoft.appconfig.kv+json')
    const { 'if-match': match, 'if-none-match': none } = headers
    expect(match ?? none).toBeDefined()
    const isMet = none === '*' ? entry === undefined : match === entry?.etag
    if (!isMet) return { status: 412, body: { title: 'Precondition failed' } }
    store(String(body.value), body)
    return presented()
  })
  const cloud: Cloud = {
    name: 'test',
    resourceManager: 'https://localhost',
    registryAudience: '',
    registrySuffix: '',
    vaultAudience: 'https://vault.azure.net',
    ca: service.ca,
    credential: async () => ({
      async getToken(scope) {
        scopes.add(scope)
        return { token: 'token', expiresOnTimestamp: Date.now() + 3_600_000 }
      },
    }),
  }
  const open = () =>
    appConfigurationEndpoint({
      store: service.origin,
      key: 'ml/workspace',
      label: 'prod',
      cloud: async () => cloud,
    })
  return {
    endpoint: open(),
    another: open,
    leadsTo: async () => pointerOf(entry?.value),
    mark: async () => entry?.etag,
    tamper: async () => store(elsewhere, { tags: { owner: 'ml' } }),
    entry: () => entry,
  }
}
describeEndpointContract('Azure App Configuration', appConfigurationWorld)

describe('Azure App Configuration', () => {
  it('keeps tags, and says that the value is JSON', async () => {
    const { endpoint, tamper, entry } = await appConfigurationWorld()
    await tamper()
    await endpoint.switchTo({ member: 'west', epoch: 2 }, targetOf('west'))
    expect(entry()).toMatchObject({ tags: { owner: 'ml' }, content_type: 'application/json' })
  })
})

// --- GitHub ------------------------------------------------------------------------------------

async function githubWorld(environment?: string) {
  let value: string | undefined
  let writes = 0
  const base =
    environment === undefined
      ? '/repos/team/ml/actions/variables'
      : '/repos/team/ml/environments/prod/variables'
  const service = await serve(({ method, path, headers, body }) => {
    if (headers.authorization !== 'Bearer secret')
      return { status: 401, body: { message: 'Bad credentials' } }
    expect(headers.accept).toBe('application/vnd.github+json')
    expect(headers['x-github-api-version']).toBe('2022-11-28')
    const missing = { status: 404, body: { message: 'Not Found' } }
    if (method === 'GET' && path === `${base}/WORKSPACE`) {
      return value === undefined ? missing : { status: 200, body: { name: 'WORKSPACE', value } }
    }
    if (method === 'POST' && path === base) {
      if (value !== undefined) return { status: 409, body: { message: 'Already exists' } }
    } else if (method === 'PATCH' && path === `${base}/WORKSPACE`) {
      if (value === undefined) return missing
    } else return missing
    expect(body.name).toBe('WORKSPACE')
    value = String(body.value)
    writes += 1
    return { status: method === 'POST' ? 201 : 204 }
  })
  const open = (token = 'secret') =>
    githubVariableEndpoint({
      repository: 'team/ml',
      variable: 'WORKSPACE',
      environment,
      token: () => token,
      api: service.origin,
      ca: service.ca,
    })
  return {
    endpoint: open(),
    another: () => open(),
    leadsTo: async () => pointerOf(value),
    mark: async () => writes,
    tamper: async () => {
      value = elsewhere
    },
    open,
  }
}
describeEndpointContract('GitHub variable', () => githubWorld(), { unconditional: noConditions })
describeEndpointContract('GitHub environment variable', () => githubWorld('prod'), {
  unconditional: noConditions,
})

describe('GitHub', () => {
  it('that refuses the token is an operator’s matter, and the token is not shown (I9)', async () => {
    const { open } = await githubWorld()
    const error = await open('wrong-token')
      .current()
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'traffic.forbidden', kind: 'operator' })
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('wrong-token')
  })
})

// --- Azure DevOps ------------------------------------------------------------------------------

type Variables = Record<string, { value: string | null; isSecret?: boolean }>

async function azureDevOpsWorld() {
  let writes = 0
  let variables: Variables = { password: { value: null, isSecret: true }, own: { value: 'x' } }
  const references = [{ name: 'ml', projectReference: { id: 'p', name: 'ml' } }]
  const group = () => ({
    id: 7,
    type: 'Vsts',
    name: 'ml',
    description: null,
    variables,
    variableGroupProjectReferences: references,
    modifiedOn: '2026-01-01T00:00:00Z',
  })
  const service = await serve(({ method, path, query, headers, body }) => {
    const basic = Buffer.from(':secret').toString('base64')
    if (headers.authorization !== `Basic ${basic}`) return { status: 401 }
    expect(query.get('api-version')).toBe('7.1')
    if (method === 'GET' && path === '/org/ml/_apis/distributedtask/variablegroups/7') {
      return { status: 200, body: group() }
    }
    if (method !== 'PUT' || path !== '/org/_apis/distributedtask/variablegroups/7')
      return { status: 404 }
    expect(body).toMatchObject({
      id: 7,
      type: 'Vsts',
      name: 'ml',
      variableGroupProjectReferences: references,
    })
    variables = body.variables as Variables
    writes += 1
    return { status: 200, body: group() }
  })
  const open = () =>
    azureDevOpsVariablesEndpoint({
      project: `${service.origin}/org/ml`,
      group: 7,
      token: () => 'secret',
      ca: service.ca,
    })
  return {
    endpoint: open(),
    another: open,
    leadsTo: async () => pointerOfMark(variables.holdfast?.value ?? undefined),
    mark: async () => writes,
    tamper: async () => {
      variables = { ...variables, holdfast: { value: 'north@1' } }
    },
    variables: () => variables,
  }
}
describeEndpointContract('Azure DevOps variable group', azureDevOpsWorld, {
  unconditional: noConditions,
})

describe('Azure DevOps', () => {
  it('keeps the other variables of the group, the secret ones without their value', async () => {
    const { endpoint, variables } = await azureDevOpsWorld()
    await endpoint.switchTo({ member: 'west', epoch: 2 }, targetOf('west'))
    expect(variables()).toEqual({
      password: { value: null, isSecret: true },
      own: { value: 'x' },
      subscription_id: { value: '00000000-0000-0000-0000-000000000001' },
      resource_group: { value: 'rg-west' },
      workspace_name: { value: 'ws-west' },
      holdfast: { value: 'west@2' },
    })
  })
})

// --- Kubernetes --------------------------------------------------------------------------------

interface ConfigMap {
  metadata: Record<string, unknown>
  data?: Record<string, string>
  [field: string]: unknown
}

async function kubernetesWorld(): Promise<
  EndpointWorld & { map: () => ConfigMap | undefined; set: (data: Record<string, string>) => void }
> {
  let version = 100
  let map: ConfigMap | undefined
  const keep = (next: ConfigMap) => {
    version += 1
    map = { ...next, metadata: { ...next.metadata, uid: 'u', resourceVersion: String(version) } }
  }
  const path = '/api/v1/namespaces/ml/configmaps'
  const status = (code: number, reason: string) => ({
    status: code,
    body: { kind: 'Status', status: 'Failure', code, reason, message: reason },
  })
  const service = await serve(({ method, path: asked, headers, body }) => {
    if (headers.authorization !== 'Bearer secret') return status(401, 'Unauthorized')
    const sent = body as ConfigMap
    if (method === 'GET' && asked === `${path}/workspace`) {
      return map === undefined ? status(404, 'NotFound') : { status: 200, body: map }
    }
    if (method === 'POST' && asked === path) {
      if (map !== undefined) return status(409, 'AlreadyExists')
    } else if (method === 'PUT' && asked === `${path}/workspace`) {
      if (map === undefined) return status(404, 'NotFound')
      expect(sent.metadata.resourceVersion).toBeDefined()
      if (sent.metadata.resourceVersion !== map.metadata.resourceVersion)
        return status(409, 'Conflict')
    } else return status(404, 'NotFound')
    expect(sent).toMatchObject({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'workspace' },
    })
    keep(sent)
    return { status: method === 'POST' ? 201 : 200, body: map }
  })
  const open = () =>
    kubernetesConfigMapEndpoint({
      server: service.origin,
      namespace: 'ml',
      configMap: 'workspace',
      token: () => 'secret',
      caPath: service.caPath,
    })
  const set = (data: Record<string, string>) =>
    keep({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'workspace', labels: { a: 'b' } },
      data,
    })
  return {
    endpoint: open(),
    another: open,
    leadsTo: async () => pointerOf(map?.data?.['config.json']),
    mark: async () => map?.metadata.resourceVersion,
    tamper: async () => set({ 'config.json': elsewhere }),
    map: () => map,
    set,
  }
}
describeEndpointContract('Kubernetes ConfigMap', kubernetesWorld)

describe('Kubernetes', () => {
  it('keeps labels and the other data of the map', async () => {
    const { endpoint, set, map } = await kubernetesWorld()
    set({ 'other.txt': 'x' })
    await endpoint.switchTo({ member: 'west', epoch: 2 }, targetOf('west'))
    expect(map()?.metadata.labels).toEqual({ a: 'b' })
    expect(map()?.data?.['other.txt']).toBe('x')
  })
})

import { resolve } from 'node:path'
import { HoldfastError } from '../model/errors.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import type { StableEndpointPlan } from '../plan/endpoint-schema.ts'
import { type Cloud, openCloud } from '../workspace/azureml/cloud.ts'
import { apiManagementEndpoint } from './azure/api-management.ts'
import type { AzureTrafficOptions } from './azure/azure-traffic.ts'
import { dnsRecordEndpoint } from './azure/dns-record.ts'
import { frontDoorEndpoint } from './azure/front-door.ts'
import { trafficManagerEndpoint } from './azure/traffic-manager.ts'
import { appConfigurationEndpoint } from './documents/app-configuration.ts'
import { azureDevOpsVariablesEndpoint } from './documents/azure-devops-variables.ts'
import { githubVariableEndpoint } from './documents/github-variable.ts'
import { kubernetesConfigMapEndpoint } from './documents/kubernetes-config-map.ts'
import { workspaceConfigBlobEndpoint } from './documents/workspace-config-blob.ts'
import { workspaceConfigGitEndpoint } from './documents/workspace-config-git.ts'
import { haproxyEndpoint } from './proxies/haproxy.ts'
import { nginxEndpoint } from './proxies/nginx.ts'
import type { StableEndpoint } from './stable-endpoint.ts'
import { workspaceConfigEndpoint } from './workspace-config.ts'

/** Every entry but the gateway, which has to know the members' scoring endpoints, too. */
export type DrivenEndpointPlan = Exclude<StableEndpointPlan, { type: 'gateway' }>

export interface OpenedEndpoint {
  readonly endpoint: StableEndpoint
  /** Whether requests go through it, or programs read there where to go. */
  readonly carries: 'requests' | 'configuration'
  /** It stands on this machine, so no other controller can lead it. */
  readonly isHere: boolean
}

export interface EndpointContext {
  readonly plan: Pick<ContinuityPlan, 'group' | 'folder' | 'members'>
  /** Where the secrets are that the plan names (I9). */
  readonly env: NodeJS.ProcessEnv
}

/** Makes the driver of an entry of the plan. Asks nobody anything before it is used. */
export function openEndpoint(entry: DrivenEndpointPlan, context: EndpointContext): OpenedEndpoint {
  return { ...driverOf(entry, context), isHere: standsHere(entry) }
}

function standsHere(entry: DrivenEndpointPlan): boolean {
  // Its runtime API is a socket of this machine, or `host:port` of any.
  if (entry.type === 'haproxy') return entry.socket.startsWith('/')
  return entry.type === 'workspaceConfig' || entry.type === 'nginx'
}

function driverOf(
  entry: DrivenEndpointPlan,
  context: EndpointContext,
): Omit<OpenedEndpoint, 'isHere'> {
  const { plan } = context
  switch (entry.type) {
    case 'workspaceConfig': {
      const path = resolve(plan.folder, entry.path)
      return { endpoint: workspaceConfigEndpoint({ path }), carries: 'configuration' }
    }
    case 'workspaceConfigGit': {
      const { name: repository, file, branch, token } = entry
      const secret = token === undefined ? {} : { token: secretFrom(context, token) }
      const endpoint = workspaceConfigGitEndpoint({ repository, file, branch, ...secret })
      return { endpoint, carries: 'configuration' }
    }
    case 'workspaceConfigBlob': {
      const endpoint = workspaceConfigBlobEndpoint({
        url: entry.name,
        cloud: cloudFrom(context, entry.cloud),
      })
      return { endpoint, carries: 'configuration' }
    }
    case 'haproxy': {
      const { name, socket, map, members } = entry
      const servers = members ?? Object.fromEntries(plan.members.map((one) => [one.name, one.name]))
      const endpoint = haproxyEndpoint({
        name,
        socket,
        map,
        servers,
        ...outside(entry, plan.folder),
      })
      return { endpoint, carries: 'requests' }
    }
    case 'nginx': {
      const { name, test, reload, members: servers } = entry
      const snippet = resolve(plan.folder, entry.snippet)
      const options = { name, snippet, servers, test, reload, ...outside(entry, plan.folder) }
      return { endpoint: nginxEndpoint(options), carries: 'requests' }
    }
    case 'frontDoor':
      return { endpoint: frontDoorEndpoint(azure(entry, context)), carries: 'requests' }
    case 'trafficManager':
      return { endpoint: trafficManagerEndpoint(azure(entry, context)), carries: 'requests' }
    case 'apiManagement':
      return { endpoint: apiManagementEndpoint(azure(entry, context)), carries: 'requests' }
    case 'dns': {
      const { name: id, members, resolver, within: patienceMs } = entry
      const cloud = cloudFrom(context, entry.cloud)
      const endpoint = dnsRecordEndpoint({ id, cloud, members, resolver, patienceMs })
      return { endpoint, carries: 'requests' }
    }
    case 'appConfiguration': {
      const { name: store, key, label } = entry
      const cloud = cloudFrom(context, entry.cloud)
      const endpoint = appConfigurationEndpoint({ store, key, label, cloud })
      return { endpoint, carries: 'configuration' }
    }
    case 'github': {
      const { name: repository, variable, environment, api } = entry
      const token = secretFrom(context, entry.token)
      const endpoint = githubVariableEndpoint({ repository, variable, environment, api, token })
      return { endpoint, carries: 'configuration' }
    }
    case 'azureDevOps': {
      const token = secretFrom(context, entry.token)
      const { name: project, group } = entry
      const endpoint = azureDevOpsVariablesEndpoint({ project, group, token })
      return { endpoint, carries: 'configuration' }
    }
    case 'kubernetes': {
      const [namespace = '', configMap = ''] = entry.name.split('/')
      const endpoint = kubernetesConfigMapEndpoint({
        server: entry.server,
        namespace,
        configMap,
        token: entry.token === undefined ? undefined : secretFrom(context, entry.token),
        caPath: entry.ca === undefined ? undefined : resolve(plan.folder, entry.ca),
      })
      return { endpoint, carries: 'configuration' }
    }
    default:
      return entry satisfies never
  }
}

function outside(
  entry: { readonly probe: string; readonly ca?: string | undefined; readonly within: number },
  folder: string,
) {
  const caPath = entry.ca === undefined ? undefined : resolve(folder, entry.ca)
  return { probe: { url: entry.probe, caPath }, patienceMs: entry.within }
}

type AzureTrafficPlan = Extract<DrivenEndpointPlan, { others: unknown }>

function azure(entry: AzureTrafficPlan, context: EndpointContext): AzureTrafficOptions {
  const { name: id, members, others, probe: url, header: memberHeader, answers, within } = entry
  const caPath = entry.ca === undefined ? undefined : resolve(context.plan.folder, entry.ca)
  return {
    id,
    cloud: cloudFrom(context, entry.cloud),
    members,
    others,
    probe: url === undefined ? undefined : { url, caPath, memberHeader, answers },
    patienceMs: within,
  }
}

/** Read at each use, so that a token that was renewed is the one that is sent. */
function secretFrom({ env }: EndpointContext, variable: string): () => string {
  return () => {
    const value = env[variable]
    if (value !== undefined && value !== '') return value
    throw new HoldfastError('traffic.no-secret', `The variable ${variable} is not set.`, {
      kind: 'operator',
      place: variable,
      hint: 'Set it in the environment of the controller; the plan names it as `token`.',
    })
  }
}

function cloudFrom({ plan }: EndpointContext, name: string): () => Promise<Cloud> {
  let opened: Promise<Cloud> | undefined
  return () => {
    opened ??= openCloud(name, plan.folder).catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return opened
  }
}

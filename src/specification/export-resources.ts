import type { Json, JsonObject } from '../model/json.ts'
import type { ObjectId } from '../model/object-id.ts'
import { compact } from './document.ts'
import type { ExportSession } from './export-session.ts'
import { names, words } from './field-names.ts'
import {
  isNothing,
  isObject,
  milliseconds,
  object,
  reverseFields,
  seconds,
  snake,
  snakeKeys,
  without,
  wordOf,
} from './reverse.ts'

/** Computes, datastores, connections, endpoints and deployments: `convert-resources.ts` reversed. */

export async function exportCompute(session: ExportSession, body: JsonObject): Promise<JsonObject> {
  const outer = object(body.properties)
  const inner = object(outer.properties)
  const type = String(outer.computeType).toLowerCase()
  return compact({
    type,
    description: outer.description ?? undefined,
    tags: filled(body.tags),
    location: elsewhere(session, body.location),
    identity: identityOf(body.identity),
    resource_id: outer.resourceId ?? undefined,
    ...computeFields(type, inner),
    network_settings: isObject(inner.subnet) ? { subnet: inner.subnet.id } : undefined,
  }) as JsonObject
}

function computeFields(type: string, inner: JsonObject): Record<string, Json | undefined> {
  const scale = object(inner.scaleSettings)
  const user = object(inner.userAccountCredentials)
  const ssh = object(inner.sshSettings)
  switch (type) {
    case 'amlcompute':
      return {
        size: inner.vmSize,
        tier: inner.vmPriority === 'Dedicated' ? undefined : wordOf({}, inner.vmPriority),
        min_instances: scale.minNodeCount,
        max_instances: scale.maxNodeCount,
        idle_time_before_scale_down: seconds(scale.nodeIdleTimeBeforeScaleDown),
        ssh_public_access_enabled: isEnabled(inner.remoteLoginPortPublicAccess),
        enable_node_public_ip: inner.enableNodePublicIp ?? undefined,
        ssh_settings: account(user.adminUserName, user.adminUserSshPublicKey),
      }
    case 'computeinstance': {
      const idle = seconds(inner.idleTimeBeforeShutdown)
      const owner = object(object(inner.personalComputeInstanceSettings).assignedUser)
      return {
        size: inner.vmSize,
        ssh_public_access_enabled: isEnabled(ssh.sshPublicAccess),
        ssh_settings: account(undefined, ssh.adminPublicKey),
        idle_time_before_shutdown_minutes: typeof idle === 'number' ? idle / 60 : undefined,
        schedules: isObject(inner.schedules) ? snakeKeys(inner.schedules) : undefined,
        create_on_behalf_of:
          owner.objectId === undefined
            ? undefined
            : (compact({
                user_object_id: owner.objectId,
                user_tenant_id: owner.tenantId,
              }) as JsonObject),
      }
    }
    case 'virtualmachine':
      return {
        ssh_settings: compact({
          admin_username: object(inner.administratorAccount).username,
          ssh_port: inner.sshPort === 22 ? undefined : inner.sshPort,
        }) as JsonObject,
      }
    default:
      return { namespace: inner.namespace }
  }
}

function account(name: Json | undefined, key: Json | undefined): JsonObject | undefined {
  if ((name ?? undefined) === undefined && (key ?? undefined) === undefined) return undefined
  return compact({
    admin_username: name ?? undefined,
    ssh_key_value: key ?? undefined,
  }) as JsonObject
}

const isEnabled = (value: Json | undefined): boolean | undefined =>
  value === undefined || value === null || value === 'NotSpecified'
    ? undefined
    : value === 'Enabled'

/** Which secrets the service keeps for each kind of credentials, by the specification's keys. */
const datastoreSecrets: Readonly<Record<string, string>> = {
  AccountKey: 'account_key',
  Sas: 'sas_token',
  ServicePrincipal: 'client_secret',
}

export async function exportDatastore(
  session: ExportSession,
  body: JsonObject,
  id: ObjectId,
): Promise<JsonObject> {
  const properties = object(body.properties)
  const credentials = object(properties.credentials)
  const type = String(credentials.credentialsType)
  const secret = datastoreSecrets[type]
  if (secret === undefined && type !== 'None')
    session.notCarried.push({
      object: `datastore/${id.path[0]}`,
      key: `credentials of type ${type}`,
    })
  return compact({
    type: wordOf(words.datastoreType, properties.datastoreType),
    ...(await reverseFields(properties, names.datastore)),
    credentials:
      secret === undefined
        ? undefined
        : ({
            ...snakeKeys(without(credentials, 'credentialsType')),
            [secret]: session.secret('datastore', id.path[0] ?? '', secret),
          } as JsonObject),
  }) as JsonObject
}

const connectionSecrets: Readonly<Record<string, readonly string[]>> = {
  username_password: ['password'],
  access_key: ['access_key_id', 'secret_access_key'],
  api_key: ['key'],
  pat: ['pat'],
  sas: ['sas_token'],
  service_principal: ['client_secret'],
  account_key: ['account_key'],
}

export async function exportConnection(
  session: ExportSession,
  body: JsonObject,
  id: ObjectId,
): Promise<JsonObject> {
  const properties = object(body.properties)
  const type = wordOf(words.authType, properties.authType) ?? 'none'
  const name = id.path[0] ?? ''
  const fields = connectionSecrets[type] ?? []
  const secrets = Object.fromEntries(
    fields.map((field) => [field, session.secret('connection', name, field)]),
  )
  if (properties.category === 'AzureOpenAI' && type === 'api_key')
    return compact({
      type: 'azure_open_ai',
      azure_endpoint: properties.target,
      api_key: session.secret('connection', name, 'key'),
      ...openAiVersion(object(properties.metadata)),
      is_shared: properties.isSharedToAll ?? undefined,
    }) as JsonObject
  return compact({
    type: wordOf(words.category, properties.category),
    target: properties.target ?? undefined,
    is_shared: properties.isSharedToAll ?? undefined,
    metadata: filled(properties.metadata),
    credentials:
      type === 'none'
        ? undefined
        : {
            type,
            ...snakeKeys(object(properties.credentials)),
            ...secrets,
            ...(type === 'custom' ? { keys: await customKeys(session, id) } : {}),
          },
  }) as JsonObject
}

/** The client says `Azure` for everybody; who has it otherwise keeps all metadata as they are. */
function openAiVersion(metadata: JsonObject): JsonObject {
  const { ApiType, ApiVersion, ...more } = metadata
  if (ApiType !== 'Azure' || !isNothing(more)) return { metadata }
  return isNothing(ApiVersion) ? {} : { api_version: ApiVersion ?? null }
}

/** Custom keys have names of their own; only the names are looked at (I9). */
async function customKeys(session: ExportSession, id: ObjectId): Promise<JsonObject> {
  const secret = await session.workspace.readSecrets(id, session.call)
  const keys = Object.keys(object(secret?.reveal().keys))
  return Object.fromEntries(
    keys.map((key) => [key, session.secret('connection', id.path[0] ?? '', key)]),
  )
}

export async function exportOnlineEndpoint(
  session: ExportSession,
  body: JsonObject,
): Promise<JsonObject> {
  return {
    ...(await envelope(session, body)),
    ...(await reverseFields(object(body.properties), names.onlineEndpoint, {
      auth_mode: (value) => wordOf(words.authMode, value),
      compute: (value) => session.reference(value),
      public_network_access: (value) => (value === 'Enabled' ? undefined : wordOf({}, value)),
    })),
  }
}

export async function exportBatchEndpoint(
  session: ExportSession,
  body: JsonObject,
): Promise<JsonObject> {
  return {
    ...(await envelope(session, body)),
    ...(await reverseFields(object(body.properties), names.batchEndpoint, {
      auth_mode: (value) => wordOf(words.authMode, value),
      defaults: (value) => {
        const name = object(value).deploymentName
        return name === undefined || name === null ? undefined : { deployment_name: name }
      },
    })),
  }
}

export async function exportOnlineDeployment(
  session: ExportSession,
  body: JsonObject,
  id: ObjectId,
  file: string,
): Promise<JsonObject> {
  const probe = (value: Json) => probeOf(object(value))
  return compact({
    endpoint_name: id.path[0],
    ...(await envelope(session, body)),
    ...(await reverseFields(object(body.properties), names.onlineDeployment, {
      model: (value) => session.reference(value),
      environment: (value) => session.environment(value, file),
      code_configuration: (value) => codeConfiguration(session, object(value), file),
      scale_settings: (value) => scaleOf(object(value)),
      request_settings: (value) => {
        const { requestTimeout, maxQueueWait, maxConcurrentRequestsPerInstance } = object(value)
        return compact({
          request_timeout_ms: milliseconds(requestTimeout),
          max_queue_wait_ms: milliseconds(maxQueueWait),
          max_concurrent_requests_per_instance: maxConcurrentRequestsPerInstance,
        }) as JsonObject
      },
      liveness_probe: probe,
      readiness_probe: probe,
      app_insights_enabled: (value) => (value === true ? true : undefined),
      egress_public_network_access: (value) =>
        value === 'Enabled' ? undefined : wordOf({}, value),
      data_collector: (value) => dataCollector(session, object(value)),
      resources: (value) =>
        compact({
          requests: object(value).containerResourceRequests,
          limits: object(value).containerResourceLimits,
        }) as JsonObject,
    })),
    instance_count: object(body.sku).capacity,
  }) as JsonObject
}

function probeOf(probe: JsonObject): JsonObject {
  return compact({
    failure_threshold: probe.failureThreshold,
    success_threshold: probe.successThreshold,
    initial_delay: seconds(probe.initialDelay),
    period: seconds(probe.period),
    timeout: seconds(probe.timeout),
  }) as JsonObject
}

function scaleOf(scale: JsonObject): JsonObject {
  if (scale.scaleType !== 'TargetUtilization') return { type: 'default' }
  return compact({
    type: 'target_utilization',
    min_instances: scale.minInstances,
    max_instances: scale.maxInstances,
    polling_interval: seconds(scale.pollingInterval),
    target_utilization_percentage: scale.targetUtilizationPercentage,
  }) as JsonObject
}

async function codeConfiguration(
  session: ExportSession,
  configuration: JsonObject,
  file: string,
): Promise<JsonObject> {
  return compact({
    code: await session.code(configuration.codeId, file),
    scoring_script: configuration.scoringScript,
  }) as JsonObject
}

/** Azure's client takes an asset of this workspace in parts alone when it creates a deployment. */
function collectedIn(reference: Json | undefined): Json | undefined {
  const [, name, version] = /^azureml:([^:/@]+):([^:/@]+)$/.exec(String(reference)) ?? []
  return name === undefined || version === undefined ? reference : { name, version }
}

function dataCollector(session: ExportSession, collector: JsonObject): JsonObject {
  const collections = Object.entries(object(collector.collections)).map(([name, value]) => {
    const { dataCollectionMode, samplingRate, dataId } = object(value)
    const collection = compact({
      enabled: String(dataCollectionMode === 'Enabled'),
      sampling_rate: samplingRate,
      data: collectedIn(session.reference(dataId)),
    })
    return [name, collection]
  })
  return compact({
    collections: Object.fromEntries(collections) as JsonObject,
    sampling_rate: collector.samplingRate,
    rolling_rate: collector.rollingRate,
    request_logging: isObject(collector.requestLogging)
      ? snakeKeys(collector.requestLogging)
      : undefined,
  }) as JsonObject
}

export async function exportBatchDeployment(
  session: ExportSession,
  body: JsonObject,
  id: ObjectId,
  file: string,
): Promise<JsonObject> {
  const properties = object(body.properties)
  const pipeline = object(properties.deploymentConfiguration)
  const isPipeline = !isNothing(pipeline)
  const fields = await reverseFields(properties, names.batchDeployment, {
    model: (value) => session.reference(object(value).assetId),
    environment: (value) => session.environment(value, file),
    code_configuration: (value) => codeConfiguration(session, object(value), file),
    compute: (value) => session.reference(value),
    resources: (value) => snakeKeys(object(value), ['properties']),
    output_action: (value) => wordOf({}, value),
    logging_level: (value) => String(value).toLowerCase(),
    retry_settings: (value) =>
      compact({
        max_retries: object(value).maxRetries,
        timeout: seconds(object(value).timeout),
      }) as JsonObject,
  })
  return compact({
    endpoint_name: id.path[0],
    type: isPipeline ? 'pipeline' : 'model',
    ...(await envelope(session, body)),
    ...(isPipeline
      ? { ...fields, ...(await pipelineDeployment(session, pipeline, file)) }
      : withSettings(fields)),
  }) as JsonObject
}

/** How a model is run stands below `settings`: the client reads it nowhere else in this schema. */
const runSettings: ReadonlySet<string> = new Set([
  ...['mini_batch_size', 'max_concurrency_per_instance', 'output_action', 'output_file_name'],
  ...['retry_settings', 'error_threshold', 'logging_level', 'environment_variables'],
])

function withSettings(fields: JsonObject): JsonObject {
  const entries = Object.entries(fields)
  const settings = Object.fromEntries(entries.filter(([key]) => runSettings.has(key)))
  const rest = Object.fromEntries(entries.filter(([key]) => !runSettings.has(key)))
  return isNothing(settings) ? rest : { ...rest, settings }
}

async function pipelineDeployment(
  session: ExportSession,
  configuration: JsonObject,
  file: string,
): Promise<JsonObject> {
  const source = object(configuration.componentId).assetId
  const isJob = /\/jobs\/[^/]+$/.test(String(source))
  const reference = await session.component(source, file)
  return compact({
    [isJob ? 'job_definition' : 'component']: reference,
    settings: filled(configuration.settings),
  }) as JsonObject
}

/** What ARM keeps beside `properties`. */
async function envelope(session: ExportSession, body: JsonObject): Promise<JsonObject> {
  const identity = identityOf(body.identity)
  return compact({
    tags: filled(body.tags),
    location: elsewhere(session, body.location),
    identity: identity?.type === 'system_assigned' ? undefined : identity,
  }) as JsonObject
}

/** A region of its own is said; the workspace's own would tie the file to it. */
function elsewhere(session: ExportSession, location: Json | undefined): Json | undefined {
  const region =
    typeof location === 'string' ? location.replaceAll(' ', '').toLowerCase() : undefined
  return region === undefined || region === session.place.region ? undefined : region
}

export function filled(value: Json | undefined): Json | undefined {
  return isNothing(value) ? undefined : value
}

function identityOf(value: Json | undefined): JsonObject | undefined {
  if (isNothing(value)) return undefined
  const { type, userAssignedIdentities } = object(value)
  const ids = Object.keys(object(userAssignedIdentities))
  return compact({
    type: String(type)
      .split(',')
      .map((one) => snake(one.trim()))
      .join(','),
    user_assigned_identities:
      ids.length === 0 ? undefined : ids.sort().map((resource_id) => ({ resource_id })),
  }) as JsonObject
}

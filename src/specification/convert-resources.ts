import { dirname, resolve } from 'node:path'
import { HoldfastError } from '../model/errors.ts'
import type { Json, JsonObject } from '../model/json.ts'
import { camelKeys, convertJob } from './convert-jobs.ts'
import { convertDataImport, convertMonitor } from './convert-monitor.ts'
import {
  camel,
  compact,
  type Document,
  duration,
  isDocument,
  mapping,
  milliseconds,
  optionalText,
  pascal,
  text,
  textMap,
} from './document.ts'
import { names, words } from './field-names.ts'
import { convertFields } from './fields.ts'
import { at, type ImportSession, placeOf, readDocument, type Where } from './import-session.ts'

export interface Converted {
  readonly body: JsonObject
  /** Goes to the vault or the write-only field only (I9). */
  readonly secrets?: JsonObject
}

const tags = (value: unknown, where: Where) => textMap(value, placeOf(where))

export async function convertCompute(
  session: ImportSession,
  document: Document,
  variant: string,
  where: Where,
): Promise<Converted> {
  const location = optionalText(document.location, placeOf(where)) ?? session.target.region
  const envelope = (
    computeType: string,
    properties: JsonObject,
    extra: JsonObject = {},
  ): JsonObject =>
    compact({
      location,
      tags: textMap(document.tags, placeOf(where)),
      identity: identityOf(document.identity, where),
      properties: compact({
        computeType,
        description: optionalText(document.description, placeOf(where)),
        properties,
        ...extra,
      }),
    }) as unknown as JsonObject
  const ssh = mapping(document.ssh_settings, placeOf(where))
  const user =
    ssh.admin_username === undefined
      ? undefined
      : (compact({
          adminUserName: ssh.admin_username as Json,
          adminUserPassword: ssh.admin_password as Json,
          adminUserSshPublicKey: ssh.ssh_key_value as Json,
        }) as JsonObject)
  switch (variant.toLowerCase()) {
    case 'amlcompute':
      return {
        body: envelope(
          'AmlCompute',
          compact({
            vmSize: optionalText(document.size, placeOf(where)) ?? 'STANDARD_DS3_V2',
            vmPriority:
              document.tier === undefined
                ? 'Dedicated'
                : pascal(text(document.tier, placeOf(where))),
            scaleSettings: compact({
              minNodeCount: (document.min_instances as Json) ?? 0,
              maxNodeCount: (document.max_instances as Json) ?? 4,
              nodeIdleTimeBeforeScaleDown: duration(
                document.idle_time_before_scale_down,
                placeOf(where),
              ),
            }) as JsonObject,
            userAccountCredentials: user,
            remoteLoginPortPublicAccess:
              document.ssh_public_access_enabled === undefined
                ? undefined
                : document.ssh_public_access_enabled === true
                  ? 'Enabled'
                  : 'Disabled',
            subnet: subnetOf(document.network_settings, where),
            enableNodePublicIp: document.enable_node_public_ip as Json,
          }) as JsonObject,
        ),
      }
    case 'computeinstance':
      return {
        body: envelope(
          'ComputeInstance',
          compact({
            vmSize: optionalText(document.size, placeOf(where)) ?? 'STANDARD_DS3_V2',
            sshSettings: compact({
              sshPublicAccess: document.ssh_public_access_enabled === true ? 'Enabled' : 'Disabled',
              adminPublicKey: ssh.ssh_key_value as Json,
            }) as JsonObject,
            idleTimeBeforeShutdown: duration(
              document.idle_time_before_shutdown_minutes === undefined
                ? undefined
                : Number(document.idle_time_before_shutdown_minutes) * 60,
              placeOf(where),
            ),
            schedules: isDocument(document.schedules) ? camelKeys(document.schedules) : undefined,
            subnet: subnetOf(document.network_settings, where),
            personalComputeInstanceSettings: isDocument(document.create_on_behalf_of)
              ? {
                  assignedUser: {
                    objectId: document.create_on_behalf_of.user_object_id as Json,
                    tenantId: document.create_on_behalf_of.user_tenant_id as Json,
                  },
                }
              : undefined,
          }) as JsonObject,
        ),
      }
    case 'virtualmachine': {
      const credentials = compact({
        username: ssh.admin_username as Json,
        password: ssh.admin_password as Json,
      }) as JsonObject
      return {
        body: envelope(
          'VirtualMachine',
          compact({
            sshPort: (ssh.ssh_port as Json) ?? 22,
            administratorAccount: credentials,
          }) as JsonObject,
          { resourceId: text(document.resource_id, placeOf(at(where, 'resource_id'))) },
        ),
      }
    }
    case 'kubernetes':
      return {
        body: envelope(
          'Kubernetes',
          compact({ namespace: (document.namespace as Json) ?? 'default' }) as JsonObject,
          { resourceId: text(document.resource_id, placeOf(at(where, 'resource_id'))) },
        ),
      }
    default:
      throw new HoldfastError(
        'specification.unsupported-compute',
        `compute type '${variant}' is not supported`,
        { place: where.file },
      )
  }
}

const datastoreTypes: Readonly<Record<string, string>> = words.datastoreType

export async function convertDatastore(
  session: ImportSession,
  document: Document,
  variant: string,
  where: Where,
): Promise<Converted> {
  const type = datastoreTypes[variant.toLowerCase()]
  if (type === undefined)
    throw new HoldfastError(
      'specification.unsupported-datastore',
      `datastore type '${variant}' is not supported`,
      { place: where.file },
    )
  const fields = await convertFields(
    session,
    document,
    where,
    names.datastore,
    { tags, properties: tags },
    ['credentials'],
  )
  const { credentials, secrets } = credentialsOf(mapping(document.credentials, placeOf(where)))
  return {
    body: { properties: { datastoreType: type, ...fields, credentials } },
    ...(secrets ? { secrets } : {}),
  }
}

function credentialsOf(given: Document): { credentials: JsonObject; secrets?: JsonObject } {
  if (given.account_key !== undefined)
    return {
      credentials: { credentialsType: 'AccountKey' },
      secrets: { secretsType: 'AccountKey', key: String(given.account_key) },
    }
  if (given.sas_token !== undefined)
    return {
      credentials: { credentialsType: 'Sas' },
      secrets: { secretsType: 'Sas', sasToken: String(given.sas_token) },
    }
  if (given.client_secret !== undefined) {
    return {
      credentials: compact({
        credentialsType: 'ServicePrincipal',
        clientId: given.client_id as Json,
        tenantId: given.tenant_id as Json,
        authorityUrl: given.authority_url as Json,
        resourceUrl: given.resource_url as Json,
      }) as JsonObject,
      secrets: { secretsType: 'ServicePrincipal', clientSecret: String(given.client_secret) },
    }
  }
  return { credentials: { credentialsType: 'None' } }
}

const authTypes: Readonly<Record<string, string>> = words.authType
const categories: Readonly<Record<string, string>> = words.category
const secretKeys = new Set([
  'password',
  'secret_access_key',
  'access_key_id',
  'key',
  'pat',
  'sas_token',
  'client_secret',
  'account_key',
  'keys',
])

const connectionKeys = new Set(
  '$schema name type target azure_endpoint api_base api_key api_version api_type credentials metadata is_shared'.split(
    ' ',
  ),
)

export async function convertConnection(
  session: ImportSession,
  document: Document,
  variant: string,
  where: Where,
): Promise<Converted> {
  for (const key of Object.keys(document))
    if (!connectionKeys.has(key)) session.unknownKeys.push({ place: placeOf(where), key })
  const given = mapping(document.credentials, placeOf(where))
  const type = String(given.type ?? (document.api_key === undefined ? 'none' : 'api_key'))
  const open = Object.fromEntries(
    Object.entries(given).filter(([key]) => key !== 'type' && !secretKeys.has(key)),
  )
  const secret = Object.fromEntries(
    Object.entries({
      ...given,
      ...(document.api_key === undefined ? {} : { key: document.api_key }),
    }).filter(([key]) => secretKeys.has(key)),
  )
  const authType = authTypes[type.toLowerCase()]
  if (authType === undefined)
    throw new HoldfastError(
      'specification.unsupported-credentials',
      `credentials of type '${type}' are not supported`,
      { place: placeOf(at(where, 'credentials')) },
    )
  const metadata = textMap(
    document.metadata ??
      (document.api_version === undefined && document.api_type === undefined
        ? undefined
        : compact({ ApiVersion: document.api_version, ApiType: document.api_type ?? 'Azure' })),
    placeOf(where),
  )
  return {
    body: {
      properties: compact({
        category: categories[variant.toLowerCase()] ?? pascal(variant),
        target: optionalText(
          document.target ?? document.azure_endpoint ?? document.api_base,
          placeOf(where),
        ),
        authType,
        metadata,
        isSharedToAll: document.is_shared as Json,
        credentials: Object.keys(open).length > 0 ? camelKeys(open) : undefined,
      }) as JsonObject,
    },
    ...(Object.keys(secret).length > 0 ? { secrets: serviceKeys(secret) } : {}),
  }
}

/** Names of custom keys are the user's own and stay as they are. */
function serviceKeys(secret: Document): JsonObject {
  const spelled: Readonly<Record<string, string>> = { sas_token: 'sas', account_key: 'key' }
  return Object.fromEntries(
    Object.entries(secret).map(([key, value]) => [spelled[key] ?? camel(key), value as Json]),
  )
}

export async function convertOnlineEndpoint(
  session: ImportSession,
  document: Document,
  variant: string,
  where: Where,
): Promise<Converted> {
  const properties = await convertFields(
    session,
    document,
    where,
    names.onlineEndpoint,
    {
      auth_mode: (v, w) => authMode(text(v, placeOf(w))),
      properties: tags,
      compute: (v, w) => session.compute(v, w),
      public_network_access: (v, w) => pascal(text(v, placeOf(w))),
    },
    ['tags', 'identity', 'location', 'kind'],
  )
  return {
    body: compact({
      location: optionalText(document.location, placeOf(where)) ?? session.target.region,
      tags: textMap(document.tags, placeOf(where)),
      kind: variant === 'kubernetes' ? 'K8S' : 'Managed',
      identity: identityOf(document.identity, where) ?? { type: 'SystemAssigned' },
      properties: { authMode: 'Key', ...properties },
    }) as unknown as JsonObject,
  }
}

export async function convertBatchEndpoint(
  session: ImportSession,
  document: Document,
  where: Where,
): Promise<Converted> {
  const properties = await convertFields(
    session,
    document,
    where,
    names.batchEndpoint,
    {
      auth_mode: (v, w) => authMode(text(v, placeOf(w))),
      properties: tags,
      defaults: (v, w) => ({
        deploymentName: optionalText(mapping(v, placeOf(w)).deployment_name, placeOf(w)) ?? null,
      }),
    },
    ['tags', 'identity', 'location'],
  )
  return {
    body: compact({
      location: optionalText(document.location, placeOf(where)) ?? session.target.region,
      tags: textMap(document.tags, placeOf(where)),
      properties: { authMode: 'AADToken', ...properties },
    }) as unknown as JsonObject,
  }
}

function authMode(value: string): string {
  return (words.authMode as Readonly<Record<string, string>>)[value.toLowerCase()] ?? value
}

const probe = (value: unknown, where: Where): JsonObject => {
  const given = mapping(value, placeOf(where))
  return compact({
    failureThreshold: given.failure_threshold as Json,
    successThreshold: given.success_threshold as Json,
    initialDelay: duration(given.initial_delay, placeOf(where)),
    period: duration(given.period, placeOf(where)),
    timeout: duration(given.timeout, placeOf(where)),
  }) as JsonObject
}

export async function convertOnlineDeployment(
  session: ImportSession,
  document: Document,
  variant: string,
  where: Where,
): Promise<Converted> {
  const scale = mapping(document.scale_settings, placeOf(where))
  const properties = await convertFields(
    session,
    document,
    where,
    names.onlineDeployment,
    {
      model: (v, w) => session.model(v, w),
      environment: (v, w) => session.environment(v, w),
      code_configuration: (v, w) => codeConfiguration(session, v, w),
      environment_variables: tags,
      properties: tags,
      scale_settings: () => scaleOf(scale, where),
      request_settings: (v, w) => {
        const given = mapping(v, placeOf(w))
        return compact({
          requestTimeout: milliseconds(given.request_timeout_ms, placeOf(w)),
          maxQueueWait: milliseconds(given.max_queue_wait_ms, placeOf(w)),
          maxConcurrentRequestsPerInstance: given.max_concurrent_requests_per_instance as Json,
        }) as JsonObject
      },
      liveness_probe: probe,
      readiness_probe: probe,
      egress_public_network_access: (v, w) => pascal(text(v, placeOf(w))),
      data_collector: (v, w) => dataCollector(session, mapping(v, placeOf(w)), w),
      resources: (v, w) => {
        const given = mapping(v, placeOf(w))
        return compact({
          containerResourceRequests: given.requests as Json,
          containerResourceLimits: given.limits as Json,
        }) as JsonObject
      },
    },
    ['endpoint_name', 'tags', 'instance_count', 'location', 'with_package', 'inference_config'],
  )
  const managed = variant !== 'kubernetes'
  return {
    body: compact({
      location: optionalText(document.location, placeOf(where)) ?? session.target.region,
      tags: textMap(document.tags, placeOf(where)),
      sku: { name: 'Default', capacity: (document.instance_count as Json) ?? 1 },
      properties: {
        endpointComputeType: managed ? 'Managed' : 'Kubernetes',
        ...(managed && properties.instanceType === undefined
          ? { instanceType: 'Standard_DS3_v2' }
          : {}),
        ...properties,
      },
    }) as unknown as JsonObject,
  }
}

/** Without a version it is one that the service makes. */
function assetOf(data: unknown): unknown {
  if (!isDocument(data)) return data
  return data.name === undefined || data.version === undefined
    ? undefined
    : `azureml:${data.name}:${data.version}`
}

async function dataCollector(
  session: ImportSession,
  given: Document,
  where: Where,
): Promise<JsonObject> {
  const collections: Record<string, Json> = {}
  for (const [name, value] of Object.entries(mapping(given.collections, placeOf(where)))) {
    const collection = mapping(value, placeOf(where))
    const data = optionalText(assetOf(collection.data), placeOf(where))
    collections[name] = compact({
      dataCollectionMode:
        collection.enabled === 'false' || collection.enabled === false ? 'Disabled' : 'Enabled',
      samplingRate: collection.sampling_rate as Json,
      dataId: data === undefined ? undefined : await session.assetId('data', data, at(where, name)),
    }) as JsonObject
  }
  return compact({
    collections,
    samplingRate: given.sampling_rate as Json,
    rollingRate: given.rolling_rate as Json,
    requestLogging: isDocument(given.request_logging)
      ? camelKeys(given.request_logging)
      : undefined,
  }) as JsonObject
}

function scaleOf(scale: Document, where: Where): JsonObject {
  if (String(scale.type) !== 'target_utilization') return { scaleType: 'Default' }
  return compact({
    scaleType: 'TargetUtilization',
    minInstances: scale.min_instances as Json,
    maxInstances: scale.max_instances as Json,
    pollingInterval: duration(scale.polling_interval, placeOf(where)),
    targetUtilizationPercentage: scale.target_utilization_percentage as Json,
  }) as JsonObject
}

async function codeConfiguration(
  session: ImportSession,
  value: unknown,
  where: Where,
): Promise<JsonObject> {
  const given = mapping(value, placeOf(where))
  return compact({
    codeId: await session.code(given.code, at(where, 'code')),
    scoringScript: optionalText(given.scoring_script, placeOf(where)),
  }) as JsonObject
}

export async function convertBatchDeployment(
  session: ImportSession,
  document: Document,
  variant: string,
  where: Where,
): Promise<Converted> {
  const settings = mapping(document.settings, placeOf(where))
  const from = { ...document, ...(variant === 'pipeline' ? {} : settings) }
  const properties = await convertFields(
    session,
    from,
    where,
    names.batchDeployment,
    {
      model: async (v, w) => ({ referenceType: 'Id', assetId: await session.model(v, w) }),
      environment: (v, w) => session.environment(v, w),
      code_configuration: (v, w) => codeConfiguration(session, v, w),
      compute: (v, w) => session.compute(v, w),
      resources: (v, w) => camelKeys(mapping(v, placeOf(w)), ['properties']),
      output_action: (v, w) => pascal(text(v, placeOf(w))),
      logging_level: (v, w) => pascal(text(v, placeOf(w)).toLowerCase()),
      retry_settings: (v, w) =>
        compact({
          maxRetries: mapping(v, placeOf(w)).max_retries as Json,
          timeout: duration(mapping(v, placeOf(w)).timeout, placeOf(w)),
        }) as JsonObject,
      environment_variables: tags,
      properties: tags,
    },
    [
      'endpoint_name',
      'tags',
      'settings',
      'component',
      'job_definition',
      'set_as_default',
      'instance_count',
      'location',
      'default_deployment',
    ],
  )
  const pipeline =
    variant === 'pipeline'
      ? { deploymentConfiguration: await pipelineDeployment(session, document, settings, where) }
      : {}
  return {
    body: compact({
      location: optionalText(document.location, placeOf(where)) ?? session.target.region,
      tags: textMap(document.tags, placeOf(where)),
      properties: {
        ...properties,
        ...(variant !== 'pipeline' && document.instance_count !== undefined
          ? { resources: { instanceCount: document.instance_count as Json } }
          : {}),
        ...pipeline,
      },
    }) as unknown as JsonObject,
  }
}

async function pipelineDeployment(
  session: ImportSession,
  document: Document,
  settings: Document,
  where: Where,
): Promise<JsonObject> {
  const component = document.component ?? document.job_definition
  if (
    document.job_definition !== undefined &&
    !/\.ya?ml$/i.test(String(document.job_definition)) &&
    !isDocument(document.job_definition)
  ) {
    return {
      deploymentConfigurationType: 'PipelineComponent',
      componentId: {
        referenceType: 'Id',
        assetId: session.armId('job', String(document.job_definition).replace(/^azureml:/, '')),
      },
      settings: textMap(settings, placeOf(where)) ?? {},
    }
  }
  return {
    deploymentConfigurationType: 'PipelineComponent',
    componentId: {
      referenceType: 'Id',
      assetId: await session.component(component, at(where, 'component')),
    },
    settings: textMap(settings, placeOf(where)) ?? {},
  }
}

export async function convertSchedule(
  session: ImportSession,
  document: Document,
  where: Where,
): Promise<Converted> {
  const trigger = mapping(document.trigger, placeOf(where))
  return {
    body: {
      properties: compact({
        displayName: optionalText(document.display_name, placeOf(where)),
        description: optionalText(document.description, placeOf(where)),
        tags: textMap(document.tags, placeOf(where)),
        properties: textMap(document.properties, placeOf(where)),
        isEnabled: document.is_enabled === undefined ? true : document.is_enabled === true,
        trigger: triggerOf(trigger),
        action: await actionOf(session, document, where),
      }) as JsonObject,
    },
  }
}

async function actionOf(
  session: ImportSession,
  document: Document,
  where: Where,
): Promise<JsonObject> {
  const { create_job: job, create_monitor: monitor, import_data: data } = document
  if (job !== undefined)
    return {
      actionType: 'CreateJob',
      jobDefinition: await scheduledJob(session, job, at(where, 'create_job')),
    }
  if (monitor !== undefined) {
    const place = at(where, 'create_monitor')
    const given = mapping(monitor, placeOf(place))
    return {
      actionType: 'CreateMonitor',
      monitorDefinition: await convertMonitor(session, given, place),
    }
  }
  if (data !== undefined) {
    const place = at(where, 'import_data')
    const given = isDocument(data)
      ? data
      : await readDocument(resolve(dirname(where.file), text(data, placeOf(place))), place)
    return { actionType: 'ImportData', dataImportDefinition: convertDataImport(given, place) }
  }
  throw new HoldfastError(
    'specification.missing',
    'a schedule needs one of create_job, create_monitor and import_data',
    { place: where.file },
  )
}

function triggerOf(trigger: Document): JsonObject {
  const times = {
    startTime: trigger.start_time === undefined ? undefined : String(trigger.start_time),
    endTime: trigger.end_time === undefined ? undefined : String(trigger.end_time),
    timeZone: (trigger.time_zone as Json) ?? 'UTC',
  }
  if (trigger.type === 'cron')
    return compact({
      triggerType: 'Cron',
      expression: String(trigger.expression),
      ...times,
    }) as JsonObject
  const pattern = isDocument(trigger.schedule)
    ? trigger.schedule
    : isDocument(trigger.pattern)
      ? trigger.pattern
      : undefined
  const list = (value: unknown) =>
    value === undefined ? undefined : ((Array.isArray(value) ? value : [value]) as Json)
  const weekDays = list(pattern?.week_days ?? pattern?.weekdays) as string[] | undefined
  return compact({
    triggerType: 'Recurrence',
    frequency: pascal(String(trigger.frequency)),
    interval: Number(trigger.interval),
    schedule:
      pattern === undefined
        ? undefined
        : (compact({
            hours: list(pattern.hours),
            minutes: list(pattern.minutes),
            weekDays: weekDays?.map(pascal),
            monthDays: list(pattern.month_days),
          }) as JsonObject),
    ...times,
  }) as JsonObject
}

async function scheduledJob(
  session: ImportSession,
  value: unknown,
  where: Where,
): Promise<JsonObject> {
  if (isDocument(value) && value.job !== undefined) {
    const { job, ...changes } = value
    if (isJobFile(job)) return jobOfFile(session, String(job), changes, where)
    const base = await scheduledJob(session, job, at(where, 'job'))
    const { type = 'pipeline', ...fields } = changes
    const overrides = await convertJob(session, fields, String(type), where)
    const properties = overrides.properties as JsonObject
    return {
      ...base,
      ...properties,
      ...(base.sourceJobId === undefined ? { jobType: base.jobType } : {}),
      inputs: { ...(base.inputs as JsonObject), ...(properties.inputs as JsonObject) },
    }
  }
  if (isDocument(value))
    return (await convertJob(session, value, String(value.type ?? 'pipeline'), where))
      .properties as JsonObject
  const reference = text(value, placeOf(where))
  if (isJobFile(reference)) return jobOfFile(session, reference, {}, where)
  return {
    jobType: 'Pipeline',
    sourceJobId: session.armId('job', reference.replace(/^azureml:/, '')),
  }
}

const isJobFile = (value: unknown): boolean => typeof value === 'string' && /\.ya?ml$/i.test(value)

/** What a schedule says besides changes fields of the job's file, at any depth. */
async function jobOfFile(
  session: ImportSession,
  reference: string,
  changes: Document,
  where: Where,
): Promise<JsonObject> {
  const file = resolve(dirname(where.file), reference.replace(/^file:/, ''))
  const document = merged(await readDocument(file, where), changes)
  const body = await convertJob(session, document, String(document.type ?? 'pipeline'), {
    ...{ file, key: '' },
  })
  return body.properties as JsonObject
}

function merged(document: Document, changes: Document): Document {
  const changed = Object.entries(changes).map(([key, value]) => {
    const before = document[key]
    return [key, isDocument(before) && isDocument(value) ? merged(before, value) : value]
  })
  return { ...document, ...Object.fromEntries(changed) }
}

function identityOf(value: unknown, where: Where): JsonObject | undefined {
  if (value === undefined || value === null) return undefined
  const given = mapping(value, placeOf(where))
  const ids = Array.isArray(given.user_assigned_identities) ? given.user_assigned_identities : []
  return compact({
    type: String(given.type ?? 'system_assigned')
      .split(',')
      .map(pascal)
      .join(','),
    userAssignedIdentities:
      ids.length === 0
        ? undefined
        : (Object.fromEntries(
            ids.map((id) => [isDocument(id) ? String(id.resource_id) : String(id), {}]),
          ) as JsonObject),
  }) as JsonObject
}

function subnetOf(value: unknown, where: Where): JsonObject | undefined {
  const network = mapping(value, placeOf(where))
  const subnet = optionalText(network.subnet, placeOf(where))
  return subnet === undefined ? undefined : { id: subnet }
}

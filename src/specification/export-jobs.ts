import type { Json, JsonObject } from '../model/json.ts'
import { compact } from './document.ts'
import { exportNode } from './export-assets.ts'
import { exportDataImport, exportMonitor } from './export-monitor.ts'
import { filled } from './export-resources.ts'
import type { ExportSession } from './export-session.ts'
import { distributionArguments, jobVariants, names, words } from './field-names.ts'
import {
  type BackTable,
  isObject,
  object,
  reverseFields,
  seconds,
  snake,
  snakeKeys,
  without,
  wordOf,
} from './reverse.ts'

export async function exportSchedule(
  session: ExportSession,
  body: JsonObject,
  file: string,
): Promise<JsonObject> {
  const properties = object(body.properties)
  const action = object(properties.action)
  return compact({
    display_name: properties.displayName ?? undefined,
    description: properties.description ?? undefined,
    tags: filled(properties.tags),
    properties: filled(properties.properties),
    is_enabled: properties.isEnabled === false ? false : undefined,
    trigger: triggerOf(object(properties.trigger)),
    ...(await actionOf(session, action, file)),
  }) as JsonObject
}

async function actionOf(
  session: ExportSession,
  action: JsonObject,
  file: string,
): Promise<JsonObject> {
  if (action.actionType === 'CreateMonitor')
    return { create_monitor: exportMonitor(session, object(action.monitorDefinition)) }
  if (action.actionType === 'ImportData')
    return { import_data: exportDataImport(session, object(action.dataImportDefinition)) }
  const definition = object(action.jobDefinition)
  if (definition.sourceJobId === undefined)
    return {
      create_job: await session.job((place) => exportJob(session, definition, place), file),
    }
  const { sourceJobId, ...overrides } = definition
  const job = session.reference(sourceJobId) ?? null
  const said = await exportJob(session, overrides, file)
  return { create_job: Object.keys(said).length > 1 ? { ...said, job } : job }
}

function triggerOf(trigger: JsonObject): JsonObject {
  const { triggerType, expression, frequency, interval, schedule, startTime, endTime, timeZone } =
    trigger
  const times = {
    start_time: startTime ?? undefined,
    end_time: endTime ?? undefined,
    time_zone: timeZone === 'UTC' ? undefined : (timeZone ?? undefined),
  }
  if (triggerType === 'Cron') return compact({ type: 'cron', expression, ...times }) as JsonObject
  const { weekDays, monthDays, hours, minutes } = object(schedule)
  return compact({
    type: 'recurrence',
    frequency: wordOf({}, frequency),
    interval,
    schedule: isObject(schedule)
      ? compact({
          hours,
          minutes,
          week_days: Array.isArray(weekDays)
            ? weekDays.map((day) => snake(String(day)))
            : undefined,
          month_days: monthDays ?? undefined,
        })
      : undefined,
    ...times,
  }) as JsonObject
}

/** A job's body as its specification: `convert-jobs.ts` the other way round. */
export async function exportJob(
  session: ExportSession,
  properties: JsonObject,
  file: string,
): Promise<JsonObject> {
  if (properties.jobType === 'AutoML') return exportAutoMl(session, properties, file)
  const [variant, shape] =
    Object.entries(jobVariants).find(([, one]) => one.jobType === properties.jobType) ?? []
  return {
    type: variant ?? snake(String(properties.jobType)),
    ...(await reverseFields(
      properties,
      { ...names.job, ...shape?.fields },
      backTable(session, file),
    )),
  }
}

async function exportAutoMl(
  session: ExportSession,
  properties: JsonObject,
  file: string,
): Promise<JsonObject> {
  const { taskType, ...details } = object(properties.taskDetails)
  const task: Record<string, Json> = { task: snake(String(taskType)) }
  for (const [key, value] of Object.entries(details)) {
    const isData = ['trainingData', 'validationData', 'testData'].includes(key)
    const plain = isObject(value) ? snakeKeys(value) : (value ?? null)
    task[snake(key)] = isData ? jobInput(session, object(value)) : plain
  }
  return {
    type: 'automl',
    ...(await reverseFields(properties, names.job, backTable(session, file))),
    ...task,
  }
}

function backTable(session: ExportSession, file: string): BackTable {
  const typed = (value: Json, key: string): JsonObject => ({
    type: snake(String(object(value)[key])),
    ...snakeKeys(without(object(value), key)),
  })
  return {
    identity: (value) => ({
      type: wordOf(words.jobIdentity, object(value).identityType) ?? 'user_identity',
      ...snakeKeys(without(object(value), 'identityType')),
    }),
    inputs: (value) => mapValues(value, (input) => jobInput(session, object(input))),
    outputs: (value) => mapValues(value, (output) => jobOutput(session, object(output))),
    compute: (value) => session.reference(value),
    environment: (value) => session.environment(value, file),
    code: (value) => session.code(value, file),
    resources: (value) => snakeKeys(object(value), ['properties']),
    services: (value) => mapValues(value, (service) => serviceOf(object(service))),
    limits: (value) => limitsOf(object(value)),
    notification_settings: (value) => snakeKeys(object(value)),
    queue_settings: (value) => ({ job_tier: snake(String(object(value).jobTier)) }),
    distribution: (value) => ({
      ...typed(value, 'distributionType'),
      type: String(object(value).distributionType).toLowerCase(),
    }),
    objective: (value) => ({
      goal: snake(String(object(value).goal)),
      primary_metric: object(value).primaryMetric ?? '',
    }),
    sampling_algorithm: (value) => {
      const { type, ...rest } = typed(value, 'samplingAlgorithmType')
      return Object.keys(rest).length === 0 ? (type ?? 'random') : { type: type ?? '', ...rest }
    },
    search_space: (value) => mapValues(value, distributionOf),
    early_termination: (value) => typed(value, 'policyType'),
    trial: (value) => trialOf(session, value, file),
    settings: (value) => settingsOf(session, object(value)),
    component: (value) => session.component(value, file),
    jobs: async (value) => {
      const jobs: Record<string, Json> = {}
      for (const [name, node] of Object.entries(object(value)))
        jobs[name] = await exportNode(session, object(node), file)
      return jobs
    },
    entry: (value) =>
      object(value).sparkJobEntryType === 'SparkJobScalaEntry'
        ? { class_name: object(value).className ?? '' }
        : { file: object(value).file ?? '' },
  }
}

function mapValues(value: Json, map: (child: Json) => Json): JsonObject {
  return Object.fromEntries(
    Object.entries(object(value)).map(([key, child]) => [key, map(child ?? null)]),
  )
}

function jobInput(session: ExportSession, input: JsonObject): Json {
  const { jobInputType, value, uri, mode } = input
  if (jobInputType === 'literal') return value ?? ''
  return compact({
    type: jobInputType,
    path: session.uri(uri),
    mode: modeOf(mode, 'ReadOnlyMount'),
  }) as JsonObject
}

function jobOutput(session: ExportSession, output: JsonObject): JsonObject {
  const { jobOutputType, uri, mode, assetName, assetVersion } = output
  return compact({
    type: jobOutputType,
    path: session.uri(uri),
    mode: modeOf(mode, 'ReadWriteMount'),
    name: assetName ?? undefined,
    version: assetVersion ?? undefined,
  }) as JsonObject
}

function modeOf(mode: Json | undefined, usual: string): string | undefined {
  return mode === usual ? undefined : wordOf(words.mode, mode)
}

function limitsOf(limits: JsonObject): JsonObject {
  return compact({
    ...snakeKeys(without(limits, 'jobLimitsType', 'timeout', 'trialTimeout')),
    timeout: seconds(limits.timeout),
    trial_timeout: seconds(limits.trialTimeout),
  }) as JsonObject
}

function distributionOf(given: Json): Json {
  if (!Array.isArray(given) || typeof given[0] !== 'string') return given
  const [type, values] = given as [string, Json]
  const keys = distributionArguments[type] ?? []
  const list = (Array.isArray(values) ? values : []) as readonly Json[]
  return { type, ...Object.fromEntries(keys.map((key, index) => [key, list[index] ?? null])) }
}

async function trialOf(session: ExportSession, value: Json, file: string): Promise<Json> {
  if (!isObject(value)) return (await session.component(value, file)) ?? value
  return compact({
    command: value.command,
    code: await session.code(value.codeId, file),
    environment: await session.environment(value.environmentId, file),
    environment_variables: filled(value.environmentVariables),
    resources: isObject(value.resources) ? snakeKeys(value.resources) : undefined,
  }) as JsonObject
}

function settingsOf(session: ExportSession, settings: JsonObject): JsonObject {
  return compact({
    ...settings,
    default_compute: session.reference(settings.default_compute),
    default_datastore: session.reference(settings.default_datastore),
  }) as JsonObject
}

function serviceOf(service: JsonObject): JsonObject {
  const types: Readonly<Record<string, string>> = {
    VSCode: 'vs_code',
    JupyterLab: 'jupyter_lab',
    TensorBoard: 'tensor_board',
    SSH: 'ssh',
  }
  const { jobServiceType, port, nodes, properties } = service
  return compact({
    type: types[String(jobServiceType)] ?? jobServiceType,
    port: port ?? undefined,
    nodes: object(nodes).nodesValueType === 'All' ? 'all' : undefined,
    log_dir: object(properties).logDir,
    ssh_public_keys: object(properties).sshPublicKeys,
  }) as JsonObject
}

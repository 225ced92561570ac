import { dirname, resolve } from 'node:path'
import { HoldfastError } from '../model/errors.ts'
import type { Json, JsonObject } from '../model/json.ts'
import { rewriteUnder } from './chosen-keys.ts'
import { convertNode } from './convert-assets.ts'
import {
  camel,
  compact,
  type Document,
  duration,
  isDocument,
  mapping,
  optionalText,
  pascal,
  text,
  textMap,
} from './document.ts'
import { distributionArguments, jobVariants, names, words } from './field-names.ts'
import { convertFields, type FieldTable } from './fields.ts'
import { at, type ImportSession, placeOf, readDocument, type Where } from './import-session.ts'

const common = names.job as Readonly<Record<string, string>>

function tables(session: ImportSession, variant: string): FieldTable {
  return {
    tags: (value, w) => textMap(value, placeOf(w)),
    properties: (value, w) => textMap(value, placeOf(w)),
    environment_variables: (value, w) => textMap(value, placeOf(w)),
    identity: (value, w) => ({
      identityType:
        identityTypes[optionalText(mapping(value, placeOf(w)).type, placeOf(w)) ?? ''] ??
        'UserIdentity',
      ...camelKeys(without(mapping(value, placeOf(w)), 'type')),
    }),
    inputs: (value, w) => jobInputs(session, value, w),
    outputs: (value, w) => jobOutputs(value, w),
    compute: (value, w) => session.compute(isDocument(value) ? undefined : value, w),
    environment: (value, w) => session.environment(value, w),
    code: (value, w) => session.code(value, w),
    resources: (value, w) => camelKeys(mapping(value, placeOf(w)), ['properties']),
    services: (value, w) =>
      Object.fromEntries(
        Object.entries(mapping(value, placeOf(w))).map(([name, s]) => [
          name,
          serviceOf(mapping(s, placeOf(w))),
        ]),
      ),
    limits: (value, w) => limitsOf(mapping(value, placeOf(w)), variant, w),
    notification_settings: (value, w) => camelKeys(mapping(value, placeOf(w))),
    queue_settings: (value, w) => ({
      jobTier: pascal(String(mapping(value, placeOf(w)).job_tier ?? 'standard')),
    }),
    distribution: (value, w) => {
      const given = mapping(value, placeOf(w))
      const type = String(given.type ?? '').toLowerCase()
      return {
        distributionType:
          (
            { pytorch: 'PyTorch', tensorflow: 'TensorFlow', mpi: 'Mpi', ray: 'Ray' } as Record<
              string,
              string
            >
          )[type] ?? pascal(type),
        ...camelKeys(without(given, 'type')),
      }
    },
    objective: (value, w) => ({
      goal: pascal(String(mapping(value, placeOf(w)).goal)),
      primaryMetric: optionalText(mapping(value, placeOf(w)).primary_metric, placeOf(w)) ?? '',
    }),
    sampling_algorithm: (value) =>
      isDocument(value)
        ? {
            ...camelKeys(without(value, 'type')),
            samplingAlgorithmType: pascal(String(value.type)),
          }
        : { samplingAlgorithmType: pascal(String(value)) },
    search_space: (value, w) => searchSpace(mapping(value, placeOf(w))),
    early_termination: (value, w) => ({
      policyType: pascal(String(mapping(value, placeOf(w)).type)),
      ...camelKeys(without(mapping(value, placeOf(w)), 'type')),
    }),
    trial: async (value, w) => trialOf(session, value, w),
    settings: (value, w) => pipelineSettings(session, mapping(value, placeOf(w)), w),
    component: (value, w) => session.component(value, w),
    jobs: async (value, w) => {
      const jobs: Record<string, Json> = {}
      for (const [name, node] of Object.entries(mapping(value, placeOf(w))))
        jobs[name] = await convertNode(session, mapping(node, placeOf(w)), at(w, name))
      return jobs
    },
    entry: (value, w) => {
      const entry = mapping(value, placeOf(w))
      return entry.class_name === undefined
        ? { sparkJobEntryType: 'SparkJobPythonEntry', file: entry.file as Json }
        : { sparkJobEntryType: 'SparkJobScalaEntry', className: entry.class_name as Json }
    },
    conf: (value, w) => textMap(value, placeOf(w)),
  }
}

const identityTypes: Readonly<Record<string, string>> = words.jobIdentity

/** A job's ARM body; `submitJob` executes it. AutoML keeps its task as the client's snake-case keys in camel case. */
export async function convertJob(
  session: ImportSession,
  document: Document,
  variant: string,
  where: Where,
): Promise<JsonObject> {
  if (variant === 'automl') return convertAutoMl(session, document, where)
  const shape = jobVariants[variant]
  if (shape === undefined)
    throw new HoldfastError(
      'specification.unsupported-job',
      `job type '${variant}' is not supported`,
      { place: where.file },
    )
  const properties = await convertFields(
    session,
    document,
    where,
    { ...common, ...shape.fields },
    tables(session, variant),
    ['settings_ref'],
  )
  if (
    variant === 'pipeline' &&
    isDocument(document.settings) === false &&
    document.compute !== undefined
  ) {
    const computeId = session.compute(document.compute, at(where, 'compute'))
    return {
      properties: {
        jobType: shape.jobType,
        ...withoutKey(properties, 'computeId'),
        settings: compact({ default_compute: computeId }) as JsonObject,
      },
    }
  }
  return { properties: { jobType: shape.jobType, ...properties } }
}

async function convertAutoMl(
  session: ImportSession,
  document: Document,
  where: Where,
): Promise<JsonObject> {
  const envelope = await convertFields(
    session,
    Object.fromEntries(Object.entries(document).filter(([key]) => key in common)),
    where,
    common,
    tables(session, 'automl'),
  )
  const task: Record<string, Json> = {
    taskType: pascal(text(document.task, placeOf(at(where, 'task')))),
  }
  for (const [key, value] of Object.entries(document)) {
    if (key in common || key === 'task' || key === 'type' || key === '$schema' || key === 'name')
      continue
    if (['training_data', 'validation_data', 'test_data'].includes(key) && isDocument(value)) {
      const inputs = await jobInputs(session, { data: value }, at(where, key))
      task[camel(key)] = inputs.data as Json
    } else task[camel(key)] = (isDocument(value) ? camelKeys(value) : value) as Json
  }
  return { properties: { jobType: 'AutoML', ...envelope, taskDetails: task } }
}

export async function jobInputs(
  session: ImportSession,
  value: unknown,
  where: Where,
): Promise<JsonObject> {
  const inputs: Record<string, Json> = {}
  for (const [name, given] of Object.entries(mapping(value, placeOf(where)))) {
    if (isDocument(given) && given.path !== undefined) {
      inputs[name] = compact({
        jobInputType: optionalText(given.type, placeOf(where)) ?? 'uri_folder',
        uri: await session.storageUri(given.path, at(where, `${name}.path`), given.type),
        mode: modeOf(given.mode, 'ReadOnlyMount'),
      }) as JsonObject
    } else {
      const literal = isDocument(given) ? (given.value ?? given.default) : given
      inputs[name] = {
        jobInputType: 'literal',
        value: literal === undefined || literal === null ? '' : String(literal),
      }
    }
  }
  return inputs
}

function jobOutputs(value: unknown, where: Where): JsonObject {
  const outputs: Record<string, Json> = {}
  for (const [name, given] of Object.entries(mapping(value, placeOf(where)))) {
    const output = isDocument(given) ? given : {}
    outputs[name] = compact({
      jobOutputType: optionalText(output.type, placeOf(where)) ?? 'uri_folder',
      uri: output.path as Json,
      mode: modeOf(output.mode, 'ReadWriteMount'),
      assetName: output.name as Json,
      assetVersion: output.version as Json,
    }) as JsonObject
  }
  return outputs
}

const modes: Readonly<Record<string, string>> = words.mode

function modeOf(value: unknown, fallback: string): string {
  return typeof value === 'string' ? (modes[value.toLowerCase()] ?? value) : fallback
}

function limitsOf(limits: Document, variant: string, where: Where): JsonObject {
  return compact({
    jobLimitsType: variant === 'sweep' ? 'Sweep' : 'Command',
    ...camelKeys(without(without(limits, 'timeout'), 'trial_timeout')),
    timeout: duration(limits.timeout, placeOf(where)),
    trialTimeout: duration(limits.trial_timeout, placeOf(where)),
  }) as JsonObject
}

/** The service wants each distribution as `[name, [arguments]]`. */
function searchSpace(space: Document): JsonObject {
  return Object.fromEntries(
    Object.entries(space).map(([name, given]) => {
      if (!isDocument(given)) return [name, given as Json]
      const type = String(given.type)
      return [name, [type, (distributionArguments[type] ?? []).map((key) => given[key] as Json)]]
    }),
  )
}

async function trialOf(
  session: ImportSession,
  value: unknown,
  where: Where,
): Promise<JsonObject | string> {
  if (!isDocument(value)) {
    const reference = text(value, placeOf(where))
    if (!/\.ya?ml$/i.test(reference)) return session.component(value, where)
    const path = resolve(dirname(where.file), reference.replace(/^file:/, ''))
    return trialOf(session, await readDocument(path, where), { file: path, key: '' })
  }
  return compact({
    command: value.command as Json,
    codeId: await session.code(value.code, at(where, 'code')),
    environmentId:
      value.environment === undefined
        ? undefined
        : await session.environment(value.environment, at(where, 'environment')),
    environmentVariables: textMap(value.environment_variables, placeOf(where)),
    resources: isDocument(value.resources) ? camelKeys(value.resources) : undefined,
  }) as JsonObject
}

function pipelineSettings(session: ImportSession, settings: Document, where: Where): JsonObject {
  const result: Record<string, Json | undefined> = { ...(settings as JsonObject) }
  if (settings.default_compute !== undefined)
    result.default_compute =
      session.compute(settings.default_compute, at(where, 'default_compute')) ?? 'serverless'
  if (settings.default_datastore !== undefined) {
    const name = text(settings.default_datastore, placeOf(where)).replace(/^azureml:(?!\/\/)/, '')
    result.default_datastore = name.startsWith('/') ? name : session.armId('datastore', name)
  }
  return compact(result) as JsonObject
}

function serviceOf(service: Document): JsonObject {
  const types: Readonly<Record<string, string>> = {
    vs_code: 'VSCode',
    jupyter_lab: 'JupyterLab',
    tensor_board: 'TensorBoard',
    ssh: 'SSH',
  }
  const properties = compact({
    logDir: service.log_dir as Json,
    sshPublicKeys: service.ssh_public_keys as Json,
  })
  return compact({
    jobServiceType:
      types[String(service.type ?? service.job_service_type)] ??
      String(service.type ?? service.job_service_type),
    port: service.port as Json,
    nodes: service.nodes === 'all' ? { nodesValueType: 'All' } : undefined,
    properties: Object.keys(properties).length > 0 ? properties : undefined,
  }) as JsonObject
}

export function camelKeys(document: Document, keep: readonly string[] = []): JsonObject {
  return Object.fromEntries(
    Object.entries(document).map(([key, value]) => [
      camel(key),
      (isDocument(value) && !keep.includes(key)
        ? rewriteUnder<Document>(key, value, (fields) => camelKeys(fields))
        : value) as Json,
    ]),
  )
}

function without(document: Document, key: string): Document {
  const { [key]: _dropped, ...rest } = document
  return rest
}

function withoutKey(body: JsonObject, key: string): JsonObject {
  const { [key]: _dropped, ...rest } = body
  return rest
}

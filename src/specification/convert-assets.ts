import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { HoldfastError } from '../model/errors.ts'
import type { Json, JsonObject } from '../model/json.ts'
import {
  compact,
  type Document,
  isDocument,
  mapping,
  optionalText,
  text,
  textMap,
} from './document.ts'
import { names } from './field-names.ts'
import { convertFields } from './fields.ts'
import { at, type ImportSession, placeOf, type Where, yamlText } from './import-session.ts'

const tags = (value: unknown, where: Where) => textMap(value, placeOf(where))

export async function convertEnvironment(
  session: ImportSession,
  document: Document,
  where: Where,
): Promise<JsonObject> {
  const properties = await convertFields(
    session,
    document,
    where,
    names.environment,
    {
      tags,
      properties: tags,
      conda_file: (value, w) => condaText(value, w),
      build: async (value, w) => {
        const build = mapping(value, placeOf(w))
        return compact({
          contextUri:
            build.path === undefined
              ? undefined
              : await session.storageUri(build.path, at(w, 'path')),
          // What the service adds, so that a nameless environment keeps its name when it is read back.
          dockerfilePath: optionalText(build.dockerfile_path, placeOf(w)) ?? 'Dockerfile',
        }) as JsonObject
      },
      inference_config: (value, w) => {
        const routes = mapping(value, placeOf(w))
        return compact({
          livenessRoute: routes.liveness_route as Json,
          readinessRoute: routes.readiness_route as Json,
          scoringRoute: routes.scoring_route as Json,
        })
      },
    },
    ['datastore'],
  )
  return { properties: { osType: 'Linux', ...properties } }
}

export async function convertData(
  session: ImportSession,
  document: Document,
  where: Where,
): Promise<JsonObject> {
  const type = optionalText(document.type, placeOf(where)) ?? 'uri_folder'
  const properties = await convertFields(
    session,
    document,
    where,
    names.data,
    { tags, properties: tags, path: (value, w) => session.storageUri(value, w) },
    ['datastore', 'paths', 'skip_validation'],
  )
  if (properties.dataUri === undefined)
    throw new HoldfastError('specification.missing', 'a data asset needs a path', {
      place: where.file,
    })
  return { properties: { dataType: type, ...properties } }
}

export async function convertModel(
  session: ImportSession,
  document: Document,
  where: Where,
): Promise<JsonObject> {
  const type = optionalText(document.type, placeOf(where)) ?? 'custom_model'
  const properties = await convertFields(
    session,
    document,
    where,
    names.model,
    {
      tags,
      properties: tags,
      path: (value, w) => session.storageUri(value, w),
      flavors: (value, w) =>
        Object.fromEntries(
          Object.entries(mapping(value, placeOf(w))).map(([name, data]) => [
            name,
            { data: (isDocument(data) && isDocument(data.data) ? data.data : data) as Json },
          ]),
        ),
    },
    ['datastore'],
  )
  if (properties.modelUri === undefined)
    throw new HoldfastError('specification.missing', 'a model needs a path', { place: where.file })
  return { properties: { modelType: type, flavors: {}, ...properties } }
}

/** A component's `componentSpec` is the specification itself with its references resolved (untyped in ARM). */
export async function convertComponent(
  session: ImportSession,
  document: Document,
  where: Where,
): Promise<JsonObject> {
  const spec: Record<string, Json | undefined> = { ...(document as JsonObject) }
  const prefixed = (id: string | undefined) =>
    id?.startsWith('/subscriptions/') ? `azureml:${id}` : id
  if (document.code !== undefined)
    spec.code = prefixed(await session.code(document.code, at(where, 'code')))
  if (document.environment !== undefined)
    spec.environment = prefixed(
      await session.environment(document.environment, at(where, 'environment')),
    )
  if (isDocument(document.task))
    spec.task = (await convertTask(session, document.task, at(where, 'task'), prefixed)) as Json
  if (isDocument(document.jobs)) {
    const jobs: Record<string, Json> = {}
    for (const [name, node] of Object.entries(document.jobs))
      jobs[name] = await convertNode(session, mapping(node, where.file), at(where, `jobs.${name}`))
    spec.jobs = jobs
  }
  if (document.name === undefined) spec.name = 'azureml_anonymous'
  delete spec.additional_includes
  return {
    properties: compact({
      description: optionalText(document.description, placeOf(where)),
      tags: textMap(document.tags, placeOf(where)),
      componentSpec: compact(spec) as JsonObject,
    }) as JsonObject,
  }
}

async function convertTask(
  session: ImportSession,
  task: Document,
  where: Where,
  prefixed: (id: string | undefined) => string | undefined,
): Promise<Document> {
  return compact({
    ...task,
    ...(task.code === undefined
      ? {}
      : { code: prefixed(await session.code(task.code, at(where, 'code'))) }),
    ...(task.environment === undefined
      ? {}
      : {
          environment: prefixed(
            await session.environment(task.environment, at(where, 'environment')),
          ),
        }),
    ...(typeof task.model === 'string'
      ? { model: prefixed(await session.assetId('model', task.model, at(where, 'model'))) }
      : {}),
  })
}

/** Keys of a node that become something else; all others go along as they are. */
const resolvedKeys = new Set([
  '$schema',
  'name',
  'type',
  'component',
  'trial',
  'compute',
  'inputs',
  'outputs',
  'training_data',
  'validation_data',
  'test_data',
])
/** Keys of a node that describe a component of its own. */
const inlineKeys = new Set([
  'command',
  'code',
  'environment',
  'entry',
  'py_files',
  'jars',
  'files',
  'archives',
  'jobs',
  'is_deterministic',
  'task',
])
/** Types of nodes that the service knows without a component. */
const withoutComponent = new Set(['automl', 'if_else', 'do_while', 'data_transfer'])

/**
 * One node of a pipeline, in a component or a job: its component becomes an id, its bindings become
 * typed inputs, as the official client sends them.
 */
export async function convertNode(
  session: ImportSession,
  node: Document,
  where: Where,
): Promise<JsonObject> {
  const type = optionalText(node.type, placeOf(where)) ?? 'command'
  const isInline =
    node.component === undefined && node.trial === undefined && !withoutComponent.has(type)
  const rest = Object.fromEntries(
    Object.entries(node).filter(
      ([key]) => !resolvedKeys.has(key) && !(isInline && inlineKeys.has(key)),
    ),
  ) as JsonObject
  const component = await nodeComponent(session, node, type, where)
  return compact({
    ...rest,
    type,
    name: where.key.split('.').at(-1),
    componentId: component,
    computeId: session.compute(node.compute, at(where, 'compute')),
    inputs: await nodeInputs(session, node, where),
    outputs: nodeOutputs(node, where),
    ...(type === 'automl' ? await autoMlData(session, node, where) : {}),
    _source: 'YAML.JOB',
  }) as JsonObject
}

async function autoMlData(
  session: ImportSession,
  node: Document,
  where: Where,
): Promise<JsonObject> {
  const data: Record<string, Json> = { task: node.task as Json }
  for (const key of ['training_data', 'validation_data', 'test_data']) {
    if (node[key] !== undefined)
      data[key] = (await nodeInput(session, node[key], at(where, key))) as Json
  }
  return data
}

async function nodeComponent(
  session: ImportSession,
  node: Document,
  type: string,
  where: Where,
): Promise<string | undefined> {
  if (node.component !== undefined) return session.component(node.component, at(where, 'component'))
  if (withoutComponent.has(type)) return undefined
  if (type === 'sweep' || node.trial !== undefined)
    return session.component(node.trial, at(where, 'trial'))
  // A node without a component describes one inline; the official client registers it anonymously.
  const inline: Record<string, unknown> = { type, name: 'azureml_anonymous' }
  for (const key of [
    'command',
    'code',
    'environment',
    'task',
    'entry',
    'py_files',
    'jars',
    'files',
    'archives',
    'jobs',
    'is_deterministic',
    'input_data',
    'mini_batch_size',
  ]) {
    if (node[key] !== undefined) inline[key] = node[key]
  }
  inline.inputs = Object.fromEntries(
    Object.keys(mapping(node.inputs, placeOf(where))).map((name) => [
      name,
      { type: inputType(mapping(node.inputs, '')[name]) },
    ]),
  )
  inline.outputs = Object.fromEntries(
    Object.keys(mapping(node.outputs, placeOf(where))).map((name) => [
      name,
      { type: inputType(mapping(node.outputs, '')[name]) },
    ]),
  )
  return session.component(inline, where)
}

function inputType(value: unknown): string {
  if (isDocument(value)) return typeof value.type === 'string' ? value.type : 'uri_folder'
  if (typeof value === 'string') return /\$\{\{parent\.jobs\./.test(value) ? 'uri_folder' : 'string'
  return value === null || value === undefined
    ? 'uri_folder'
    : typeof value === 'number'
      ? 'number'
      : typeof value
}

async function nodeInputs(
  session: ImportSession,
  node: Document,
  where: Where,
): Promise<JsonObject | undefined> {
  if (node.inputs === undefined || node.inputs === null) return undefined
  const inputs: Record<string, Json> = {}
  for (const [name, value] of Object.entries(mapping(node.inputs, placeOf(where)))) {
    inputs[name] = (await nodeInput(session, value, at(where, `inputs.${name}`))) as Json
  }
  return inputs
}

async function nodeInput(
  session: ImportSession,
  value: unknown,
  where: Where,
): Promise<JsonObject> {
  if (!isDocument(value)) return { job_input_type: 'literal', value: String(value) }
  if (value.path === undefined)
    return compact({
      job_input_type: 'literal',
      value: value.value === undefined ? undefined : String(value.value),
      mode: value.mode as Json,
    }) as JsonObject
  const path = text(value.path, placeOf(where))
  if (path.includes('${{'))
    return compact({
      job_input_type: 'literal',
      value: path,
      mode: value.mode as Json,
    }) as JsonObject
  return compact({
    job_input_type: optionalText(value.type, placeOf(where)) ?? 'uri_folder',
    uri: await session.storageUri(path, where, value.type),
    mode: value.mode as Json,
  }) as JsonObject
}

function nodeOutputs(node: Document, where: Where): JsonObject | undefined {
  if (node.outputs === undefined || node.outputs === null) return undefined
  const outputs: Record<string, Json> = {}
  for (const [name, value] of Object.entries(mapping(node.outputs, placeOf(where)))) {
    if (value === null || value === undefined) outputs[name] = { type: 'uri_folder' }
    else if (isDocument(value))
      outputs[name] = compact({
        type: value.type as Json,
        mode: value.mode as Json,
        value: value.value as Json,
        uri: value.path as Json,
        job_output_type: value.type as Json,
      }) as JsonObject
    else outputs[name] = { type: 'literal', value: String(value) }
  }
  return outputs
}

export async function convertFeatureEntity(
  session: ImportSession,
  document: Document,
  where: Where,
): Promise<JsonObject> {
  const properties = await convertFields(session, document, where, names.featureEntity, {
    tags,
    properties: tags,
    index_columns: (value) =>
      (Array.isArray(value)
        ? value.map((c) => ({ columnName: c?.name as Json, dataType: pascalType(c?.type) }))
        : undefined) as Json,
  })
  return { properties }
}

export async function convertFeatureSet(
  session: ImportSession,
  document: Document,
  where: Where,
): Promise<JsonObject> {
  const properties = await convertFields(session, document, where, names.featureSet, {
    tags,
    properties: tags,
    specification: async (value, w) => ({
      path: await session.storageUri(mapping(value, placeOf(w)).path, at(w, 'path')),
    }),
    materialization_settings: (value, w) => {
      const settings = mapping(value, placeOf(w))
      const store =
        settings.offline_enabled === true
          ? settings.online_enabled === true
            ? 'OnlineAndOffline'
            : 'Offline'
          : settings.online_enabled === true
            ? 'Online'
            : 'None'
      return compact({
        storeType: store,
        schedule: settings.schedule as Json,
        resource: settings.resource as Json,
        sparkConfiguration: settings.spark_configuration as Json,
        notification: settings.notification as Json,
      }) as JsonObject
    },
  })
  return { properties }
}

function pascalType(value: unknown): string {
  const type = String(value ?? 'string')
  return type.charAt(0).toUpperCase() + type.slice(1)
}

async function condaText(value: unknown, where: Where): Promise<string> {
  if (isDocument(value)) return yamlText(value)
  const file = resolve(dirname(where.file), text(value, placeOf(where)))
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new HoldfastError(
      'specification.path-not-found',
      `the specification names the conda file '${text(value, '')}', which does not exist`,
      { place: placeOf(where), hint: 'Create it or mend the path.', cause },
    )
  })
}

import type { Json, JsonObject } from '../model/json.ts'
import { compact } from './document.ts'
import type { ExportSession } from './export-session.ts'
import { names } from './field-names.ts'
import { isNothing, isObject, object, reverseFields, snake, snakeKeys, without } from './reverse.ts'

/** Versions of assets as specifications: `convert-assets.ts` the other way round. */

export async function exportEnvironment(
  session: ExportSession,
  body: JsonObject,
  file: string,
): Promise<JsonObject> {
  const { osType, ...properties } = object(body.properties)
  const document = await reverseFields(properties, names.environment, {
    conda_file: (value) => session.conda(String(value), file),
    build: async (value) =>
      compact({
        path: await session.folder(object(value).contextUri, file),
        dockerfile_path: object(value).dockerfilePath,
      }) as JsonObject,
    inference_config: (value) => snakeKeys(object(value)),
  })
  return osType === undefined || osType === 'Linux' ? document : { ...document, os_type: osType }
}

export async function exportData(session: ExportSession, body: JsonObject): Promise<JsonObject> {
  const properties = object(body.properties)
  return {
    type: properties.dataType ?? 'uri_folder',
    ...(await reverseFields(properties, names.data, { path: (value) => session.uri(value) })),
  }
}

export async function exportModel(session: ExportSession, body: JsonObject): Promise<JsonObject> {
  const properties = object(body.properties)
  return {
    type: properties.modelType ?? 'custom_model',
    ...(await reverseFields(properties, names.model, { path: (value) => session.uri(value) })),
  }
}

export async function exportComponent(
  session: ExportSession,
  body: JsonObject,
  file: string,
): Promise<JsonObject> {
  const { componentSpec, description, tags } = object(body.properties)
  const spec = object(componentSpec)
  const task = object(spec.task)
  const jobs: Record<string, Json> = {}
  for (const [name, node] of Object.entries(object(spec.jobs)))
    jobs[name] = await exportNode(session, object(node), file)
  return compact({
    ...spec,
    name: spec.name === 'azureml_anonymous' ? undefined : spec.name,
    description: description ?? spec.description,
    tags: isNothing(tags) ? spec.tags : tags,
    code: await session.code(spec.code, file),
    environment: await session.environment(spec.environment, file),
    task: isObject(spec.task)
      ? compact({
          ...task,
          code: await session.code(task.code, file),
          environment: await session.environment(task.environment, file),
          model: session.reference(task.model),
        })
      : undefined,
    jobs: isObject(spec.jobs) ? jobs : undefined,
  }) as JsonObject
}

/** One node of a pipeline; what is not resolved on the way in goes back as it is. */
export async function exportNode(
  session: ExportSession,
  node: JsonObject,
  file: string,
): Promise<JsonObject> {
  const component = await session.component(node.componentId, file)
  const rest = without(node, 'name', 'componentId', 'computeId', 'inputs', 'outputs', '_source')
  for (const key of ['training_data', 'validation_data', 'test_data'])
    if (isObject(rest[key])) (rest as Record<string, Json>)[key] = nodeInput(session, rest[key])
  return compact({
    ...rest,
    [node.type === 'sweep' ? 'trial' : 'component']: component,
    compute: session.reference(node.computeId),
    inputs: mapValues(node.inputs, (value) => nodeInput(session, object(value))),
    outputs: mapValues(node.outputs, (value) => nodeOutput(session, object(value))),
  }) as JsonObject
}

function nodeInput(session: ExportSession, input: JsonObject): Json {
  const { job_input_type: type, value, mode, uri } = input
  if (type !== 'literal') return compact({ type, path: session.uri(uri), mode }) as JsonObject
  if (mode === undefined) return value ?? {}
  return String(value).includes('${{') ? { path: value ?? '', mode } : { value: value ?? '', mode }
}

function nodeOutput(session: ExportSession, output: JsonObject): Json {
  const { type, mode, value, uri, job_output_type: given } = output
  if (type === 'literal' && given === undefined) return value ?? ''
  if (given === undefined && type === 'uri_folder' && mode === undefined) return null
  return compact({ type, mode, value, path: session.uri(uri) }) as JsonObject
}

function mapValues(value: Json | undefined, map: (child: Json) => Json): JsonObject | undefined {
  if (!isObject(value)) return undefined
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, map(child ?? null)]))
}

export async function exportFeatureEntity(
  _session: ExportSession,
  body: JsonObject,
): Promise<JsonObject> {
  return reverseFields(object(body.properties), names.featureEntity, {
    index_columns: (value) =>
      (value as readonly Json[]).map((column) => ({
        name: object(column).columnName ?? '',
        type: String(object(column).dataType).toLowerCase(),
      })),
  })
}

export async function exportFeatureSet(
  session: ExportSession,
  body: JsonObject,
): Promise<JsonObject> {
  return reverseFields(object(body.properties), names.featureSet, {
    specification: (value) => compact({ path: session.uri(object(value).path) }) as JsonObject,
    entities: (value) => (value as readonly Json[]).map((id) => session.reference(id) ?? id),
    materialization_settings: (value) => {
      const { storeType, sparkConfiguration, ...rest } = object(value)
      const store = snake(String(storeType))
      return compact({
        offline_enabled: store.includes('offline'),
        online_enabled: store.includes('online'),
        spark_configuration: sparkConfiguration,
        ...rest,
      }) as JsonObject
    },
  })
}

import { basename } from 'node:path'
import { type Document, isDocument } from './document.ts'

/** What a specification file describes; the words of the Azure ML CLI v2. */
export const specificationTypes = [
  'workspace',
  'connection',
  'datastore',
  'compute',
  'environment',
  'data',
  'model',
  'component',
  'feature-entity',
  'feature-set',
  'online-endpoint',
  'batch-endpoint',
  'online-deployment',
  'batch-deployment',
  'schedule',
  'job',
] as const
export type SpecificationType = (typeof specificationTypes)[number]

export interface Specification {
  readonly file: string
  readonly type: SpecificationType
  /** `command`, `pipeline`, `amlcompute`, `azure_blob`, …: the variant within the type. */
  readonly variant: string
  readonly document: Document
}

export interface Unsupported {
  readonly file: string
  readonly schema: string
  readonly reason: string
}

/** Schema file name in lower case, without `.schema.json` or `.json` -> type and default variant. */
const bySchema: Readonly<Record<string, readonly [SpecificationType, string]>> = {
  workspace: ['workspace', 'default'],
  connection: ['connection', ''],
  azureopenaiconnection: ['connection', 'azure_open_ai'],
  azureblob: ['datastore', 'azure_blob'],
  azurefile: ['datastore', 'azure_file'],
  azuredatalakegen1: ['datastore', 'azure_data_lake_gen1'],
  azuredatalakegen2: ['datastore', 'azure_data_lake_gen2'],
  amlcompute: ['compute', 'amlcompute'],
  computeinstance: ['compute', 'computeinstance'],
  vmcompute: ['compute', 'virtualmachine'],
  kubernetescompute: ['compute', 'kubernetes'],
  environment: ['environment', ''],
  data: ['data', 'uri_folder'],
  model: ['model', 'custom_model'],
  commandcomponent: ['component', 'command'],
  sparkcomponent: ['component', 'spark'],
  pipelinecomponent: ['component', 'pipeline'],
  parallelcomponent: ['component', 'parallel'],
  featurestoreentity: ['feature-entity', ''],
  featureset: ['feature-set', ''],
  managedonlineendpoint: ['online-endpoint', 'managed'],
  kubernetesonlineendpoint: ['online-endpoint', 'kubernetes'],
  managedonlinedeployment: ['online-deployment', 'managed'],
  kubernetesonlinedeployment: ['online-deployment', 'kubernetes'],
  batchendpoint: ['batch-endpoint', ''],
  batchdeployment: ['batch-deployment', 'model'],
  modelbatchdeployment: ['batch-deployment', 'model'],
  pipelinecomponentbatchdeployment: ['batch-deployment', 'pipeline'],
  schedule: ['schedule', ''],
  commandjob: ['job', 'command'],
  pipelinejob: ['job', 'pipeline'],
  sweepjob: ['job', 'sweep'],
  sparkjob: ['job', 'spark'],
  automljob: ['job', 'automl'],
}

/** Files that look alike but are not objects of a workspace, with what they are instead. */
const notObjects: Readonly<Record<string, string>> = {
  modelversionpackage: 'a packaging request (an action of a model version), not an object',
  dataimport: 'a data import job definition of a retired preview',
  dataindex: 'an index build request of a preview, not an object',
  flow: 'a prompt flow, which lives in files and not in the workspace',
  run: 'a prompt flow run request',
  featurestore: 'a feature store, which is a workspace of its own kind; make it with its template',
}

/** Without `$schema`, the CLI goes by `type`; only these values are unambiguous. */
const byType: Readonly<Record<string, SpecificationType>> = {
  amlcompute: 'compute',
  computeinstance: 'compute',
  virtualmachine: 'compute',
  azure_blob: 'datastore',
  azure_file: 'datastore',
  azure_data_lake_gen2: 'datastore',
  custom_model: 'model',
  mlflow_model: 'model',
  triton_model: 'model',
  uri_file: 'data',
  uri_folder: 'data',
  mltable: 'data',
}

/** Says what a parsed file is; undefined for YAML that is no specification at all (conda files, workflows). */
export function classify(file: string, document: unknown): Specification | Unsupported | undefined {
  if (!isDocument(document)) return undefined
  const schema = document.$schema
  if (typeof schema !== 'string') {
    const type = typeof document.type === 'string' ? byType[document.type.toLowerCase()] : undefined
    return type && document.name
      ? { file, type, variant: String(document.type), document }
      : undefined
  }
  const key = basename(schema.trim())
    .toLowerCase()
    .replace(/(\.schema)?\.json$/, '')
  const not = notObjects[key]
  if (not !== undefined) return { file, schema, reason: `${key} is ${not}` }
  const found = bySchema[key]
  if (found === undefined)
    return { file, schema, reason: `no kind of object is known for schema '${key}'` }
  const [type, variant] = found
  const given = typeof document.type === 'string' ? document.type : variant
  return {
    file,
    type,
    variant: type === 'component' && variant === 'spark' ? 'spark' : given,
    document,
  }
}

export function isUnsupported(found: Specification | Unsupported): found is Unsupported {
  return 'reason' in found
}

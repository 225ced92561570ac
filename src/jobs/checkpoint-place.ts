import type { Json, JsonObject } from '../model/json.ts'
import type { CheckpointPlace } from './captured-job.ts'

/** The job output that holds checkpoints, by agreement with training code. */
export const checkpointOutput = 'checkpoints'

/** Datastores whose blobs Holdfast copies and proves under their own name. */
const provenStores = new Set(['workspaceblobstore', 'workspaceartifactstore'])

/** `azureml://[…/]datastores/<name>/paths/<path>`, short and long form. */
const datastoreUri = /^azureml:\/\/(?:[^?]*\/)?datastores\/([^/]+)\/paths\/(.+)$/i

/** Null: the job names no checkpoints, or keeps them where nothing is proven. */
export function checkpointPlace(body: JsonObject): CheckpointPlace | null {
  const uri = field(body, 'properties', 'outputs', checkpointOutput, 'uri')
  return typeof uri === 'string' ? provenPlace(uri) : null
}

/** Null: nothing is proven there, or nobody knows where it is. */
export function provenPlace(uri: string): CheckpointPlace | null {
  const [, store, path] = datastoreUri.exec(uri) ?? []
  if (store === undefined || path === undefined || !provenStores.has(store)) return null
  return { store, prefix: path.endsWith('/') ? path : `${path}/` }
}

/**
 * Fixes the job's own name in the address of its checkpoints, so that its successor, which has
 * another name, finds them there.
 */
export function pinCheckpoints(body: JsonObject, name: string): JsonObject {
  const properties = object(body.properties)
  const outputs = object(properties.outputs)
  const output = object(outputs[checkpointOutput])
  if (typeof output.uri !== 'string') return body
  const uri = output.uri.replaceAll(/\$\{\{\s*name\s*\}\}/g, name)
  return {
    ...body,
    properties: {
      ...properties,
      outputs: { ...outputs, [checkpointOutput]: { ...output, uri } },
    },
  }
}

function field(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>((inner, name) => object(inner)[name], value)
}

export function object(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : {}
}

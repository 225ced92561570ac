import type { JsonObject } from '../model/json.ts'
import type { CompletedStep } from '../workspace/workspace.ts'
import type { CheckpointPlace } from './captured-job.ts'
import { object, provenPlace } from './checkpoint-place.ts'

/** A step of an open pipeline that need not run again where what it wrote is proven. */
export interface FinishedStep {
  /** Its name in the pipeline's graph. */
  readonly node: string
  /** ISO 8601 UTC, by the clock of its region. */
  readonly endedAt: string
  /** Folders it wrote, by the name of the output; others can be handed to nobody. */
  readonly outputs: Readonly<Record<string, StepOutput>>
}

export interface StepOutput {
  /** `uri_folder`, `mltable`, `mlflow_model`, … */
  readonly type: string
  readonly place: CheckpointPlace
}

/** The graph of a pipeline job that carries it in itself, node by name; empty for every other job. */
export function graphOf(body: JsonObject): JsonObject {
  return object(object(body.properties).jobs)
}

/**
 * Which nodes of the graph these steps are. The service tells a step's display name only: one that
 * fits several nodes, or several steps that fit one, is nobody's, and its node runs again.
 */
export function finishedSteps(
  body: JsonObject,
  steps: readonly CompletedStep[],
): readonly FinishedStep[] {
  const shown = Object.entries(graphOf(body)).map(([node, spec]) => {
    const { display_name: inYaml, displayName = inYaml } = object(spec)
    return { node, name: typeof displayName === 'string' ? displayName : node }
  })
  return shown.flatMap(({ node, name }) => {
    const [step, ...more] = steps.filter(({ displayName }) => displayName === name)
    const namesakes = shown.filter((other) => other.name === name)
    if (step === undefined || more.length > 0 || namesakes.length > 1) return []
    return [{ node, endedAt: step.endedAt, outputs: foldersOf(step) }]
  })
}

function foldersOf(step: CompletedStep): Record<string, StepOutput> {
  const found: Record<string, StepOutput> = {}
  for (const [name, output] of Object.entries(step.outputs)) {
    const { uri, jobOutputType } = object(output)
    if (typeof uri !== 'string' || typeof jobOutputType !== 'string') continue
    const place = provenPlace(filled(uri, step.job, name))
    if (place !== null && jobOutputType !== 'uri_file') found[name] = { type: jobOutputType, place }
  }
  return found
}

/** A service shows the address as it was written; what it does not know leads nowhere. */
function filled(uri: string, job: string, output: string): string {
  const values = new Map([
    ['name', job],
    ['output_name', output],
    ['default_datastore', 'workspaceblobstore'],
  ])
  return uri.replaceAll(
    /\$\{\{\s*(\w+)\s*\}\}/g,
    (whole, name: string) => values.get(name) ?? whole,
  )
}

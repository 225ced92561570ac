import type { Json, JsonObject } from '../model/json.ts'
import { object } from './checkpoint-place.ts'
import type { Continued } from './continued.ts'
import { type FinishedStep, graphOf } from './finished-step.ts'

/**
 * Takes finished steps out of a pipeline: what they wrote becomes an input of the pipeline, read by
 * the nodes that are left. A step stays, and runs again, when a node that is left needs anything of it
 * but a proven output, or when it writes an output of the pipeline itself. Pure.
 */
export function continuePipeline(body: JsonObject, steps: readonly FinishedStep[]): Continued {
  const graph = graphOf(body)
  const finished = removable(graph, steps)
  const left = Object.entries(graph).filter(([node]) => !finished.has(node))
  const properties = object(body.properties)
  const inputs: Record<string, Json | undefined> = { ...object(properties.inputs) }
  const names = new Map<string, string>()
  const rebound = (text: string): string => {
    const [, node = '', output = ''] = wholeBinding.exec(text) ?? []
    const found = finished.get(node)?.outputs[output]
    if (found === undefined) return text
    const input = names.get(text) ?? inputName(inputs, node, output)
    names.set(text, input)
    const uri = `azureml://datastores/${found.place.store}/paths/${found.place.prefix}`
    inputs[input] = { jobInputType: found.type, uri }
    return `\${{parent.inputs.${input}}}`
  }
  const jobs = Object.fromEntries(left.map(([node, spec = {}]) => [node, mapTexts(spec, rebound)]))
  if (finished.size === 0) return { body, progress: null }
  const after = Object.keys(graph).filter((node) => finished.has(node))
  return {
    body: { ...body, properties: { ...properties, jobs, inputs } },
    progress: { after: after.join(', '), isComplete: left.length === 0 },
  }
}

const wholeBinding = /^\s*\$\{\{\s*parent\.jobs\.([\w-]+)\.outputs\.([\w-]+)\s*\}\}\s*$/
const anyMention = /parent\.jobs\.([\w-]+)/g

function removable(
  graph: JsonObject,
  steps: readonly FinishedStep[],
): ReadonlyMap<string, FinishedStep> {
  const kept = new Map(
    steps
      .filter(({ node }) => !JSON.stringify(graph[node] ?? '').includes('parent.outputs.'))
      .map((step) => [step.node, step]),
  )
  for (let before = -1; before !== kept.size; ) {
    before = kept.size
    const left = Object.entries(graph).filter(([node]) => !kept.has(node))
    for (const [, spec] of left) {
      for (const text of textsIn(spec)) {
        for (const node of needed(text, kept)) kept.delete(node)
      }
    }
  }
  return kept
}

/** Nodes that a text needs and that no proven output stands for. */
function needed(text: string, finished: ReadonlyMap<string, FinishedStep>): string[] {
  const [, whole = '', output = ''] = wholeBinding.exec(text) ?? []
  if (finished.get(whole)?.outputs[output] !== undefined) return []
  return [...text.matchAll(anyMention)].map(([, node = '']) => node)
}

/** Never the name of an input that the pipeline has already. */
function inputName(taken: JsonObject, node: string, output: string): string {
  let name = `${node}_${output}`.replaceAll('-', '_')
  while (taken[name] !== undefined) name += '_'
  return name
}

function* textsIn(value: Json | undefined): Generator<string> {
  if (typeof value === 'string') yield value
  else if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) yield* textsIn(inner)
  }
}

function mapTexts(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((inner) => mapTexts(inner, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, mapTexts(inner as Json, change)]),
  )
}

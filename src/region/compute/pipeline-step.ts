import { asRecord, asText, type Document } from '../arm/document.ts'
import { AzureError, type RegionContext } from '../context.ts'
import { computeOf } from './compute-of.ts'
import { createRun, experimentOf, type JobRef, jobId, jobType, regionCaller } from './job-record.ts'
import { distributionOf, limitsOf, resourcesOf, sweepOfNode } from './node-fields.ts'
import { assetIdOf, outputUriOf } from './uris.ts'

export interface PipelineNode {
  readonly name: string
  readonly spec: Document
  readonly after: ReadonlySet<string>
}

export function componentSpec(
  region: RegionContext,
  workspaceId: string,
  componentId: string,
): Document {
  const id = assetIdOf(region, workspaceId, 'components', componentId)
  const component = region.resources.get(id)
  if (!component)
    throw new AzureError(
      400,
      'UserError',
      `The component '${componentId}' does not exist in this region.`,
    )
  return asRecord(asRecord(component.body.properties).componentSpec)
}

/** Same name at every attempt, so that a node is one job however often its pipeline is looked at. */
export function createStep(
  region: RegionContext,
  parent: JobRef,
  pipeline: Document,
  graph: Document,
  node: PipelineNode,
): JobRef {
  const child: JobRef = { workspaceId: parent.workspaceId, name: `${parent.name}_${node.name}` }
  if (region.resources.get(jobId(child))) return child
  const reference = componentOf(node.spec)
  const spec =
    reference === undefined ? node.spec : componentSpec(region, parent.workspaceId, reference)
  const type = (asText(node.spec.type) ?? asText(spec.type) ?? 'command').toLowerCase()
  const computeId =
    asText(node.spec.computeId) ?? asText(asRecord(pipeline.settings).default_compute)
  const properties: Document = {
    displayName: node.name,
    experimentName: experimentOf(pipeline),
    ...workOf(type, node.spec, spec, reference),
    ...(computeOf(computeId) === undefined ? {} : { computeId }),
    inputs: childInputs(parent, pipeline, graph, node, asRecord(spec.inputs)),
    outputs: childOutputs(parent, pipeline, node, asRecord(spec.outputs)),
    ...(type === 'pipeline' ? { jobs: spec.jobs, settings: pipeline.settings } : {}),
    properties: {
      'azureml.parentRunId': parent.name,
      'azureml.pipelinerunid': parent.name,
      'azureml.nodeName': node.name,
    },
    tags: {},
    services: {},
    isArchived: false,
    status: 'NotStarted',
  }
  region.resources.put(jobId(child), jobType, { body: { properties } }, regionCaller(region))
  createRun(region, child, regionCaller(region))
  return child
}

/** The component a node runs: its own, or that of the trial it sweeps. */
const componentOf = (node: Document): string | undefined =>
  asText(node.componentId) ??
  asText(node.component) ??
  asText(node.trial) ??
  asText(asRecord(node.trial).componentId)

const typeNames: Readonly<Record<string, string>> = {
  pipeline: 'Pipeline',
  command: 'Command',
  sweep: 'Sweep',
}

/** What a node does, without what it reads and writes. A node says more than its component. */
function workOf(
  type: string,
  node: Document,
  component: Document,
  reference: string | undefined,
): Document {
  const jobType = typeNames[type] ?? type
  const environmentVariables = node.environment_variables ?? {}
  if (type === 'sweep')
    return {
      jobType,
      ...sweepOfNode(node),
      trial: { ...asRecord(node.trial), componentId: reference, environmentVariables },
    }
  const pick = (field: string) => node[field] ?? component[field]
  return {
    jobType,
    command: component.command,
    codeId: withoutPrefix(component.code),
    environmentId: withoutPrefix(pick('environment')),
    environmentVariables,
    distribution: distributionOf(pick('distribution')),
    resources: resourcesOf(pick('resources')),
    limits: limitsOf(node.limits),
  }
}

const withoutPrefix = (value: unknown) => asText(value)?.replace(/^azureml:(?=\/)/, '')

function childInputs(
  parent: JobRef,
  pipeline: Document,
  graph: Document,
  node: PipelineNode,
  declared: Document,
): Document {
  const given = asRecord(node.spec.inputs)
  const inputs: Document = {}
  for (const [name, value] of Object.entries(declared)) {
    const fallback = asRecord(value).default
    if (given[name] === undefined && fallback !== undefined)
      inputs[name] = { jobInputType: 'literal', value: String(fallback) }
  }
  for (const [name, value] of Object.entries(given))
    inputs[name] = boundInput(parent, pipeline, graph, value)
  return inputs
}

function boundInput(parent: JobRef, pipeline: Document, graph: Document, value: unknown): Document {
  const input =
    typeof value === 'string' || typeof value === 'number'
      ? { value: String(value) }
      : asRecord(value)
  const uri = asText(input.uri)
  if (uri !== undefined)
    return {
      jobInputType: input.job_input_type ?? input.jobInputType ?? 'uri_folder',
      uri,
      mode: input.mode,
    }
  const text = asText(input.value) ?? ''
  const fromParent = /^\$\{\{parent\.inputs\.([\w.-]+)\}\}$/.exec(text)
  if (fromParent) return asRecord(asRecord(pipeline.inputs)[fromParent[1] ?? ''])
  const fromNode = /^\$\{\{parent\.jobs\.([\w-]+)\.outputs\.([\w-]+)\}\}$/.exec(text)
  if (fromNode) {
    const [, other = '', output = ''] = fromNode
    const declared = outputDocument(asRecord(asRecord(graph[other]).outputs)[output])
    return { jobInputType: 'uri_folder', uri: outputUri(parent, pipeline, other, output, declared) }
  }
  const mixed = text.replace(/\$\{\{parent\.inputs\.([\w.-]+)\}\}/g, (_, name: string) =>
    String(asRecord(asRecord(pipeline.inputs)[name]).value ?? ''),
  )
  return { jobInputType: 'literal', value: mixed }
}

function childOutputs(
  parent: JobRef,
  pipeline: Document,
  node: PipelineNode,
  declared: Document,
): Document {
  const given = asRecord(node.spec.outputs)
  const outputs: Document = {}
  for (const name of new Set([...Object.keys(declared), ...Object.keys(given)])) {
    const output = outputDocument(given[name])
    outputs[name] = {
      jobOutputType: asText(asRecord(declared[name]).type) ?? asText(output.type) ?? 'uri_folder',
      uri: outputUri(parent, pipeline, node.name, name, output),
      mode: 'ReadWriteMount',
    }
  }
  return outputs
}

/** An output may be written as its binding alone. */
function outputDocument(value: unknown): Document {
  return typeof value === 'string' ? { value } : asRecord(value)
}

function outputUri(
  parent: JobRef,
  pipeline: Document,
  node: string,
  name: string,
  output: Document,
): string {
  const bound = /^\$\{\{parent\.outputs\.([\w-]+)\}\}$/.exec(asText(output.value) ?? '')?.[1]
  return bound === undefined
    ? outputUriOf(output, `${parent.name}_${node}`, name)
    : outputUriOf(asRecord(asRecord(pipeline.outputs)[bound]), parent.name, bound)
}

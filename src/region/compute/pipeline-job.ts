import { asRecord, asText, type Document } from '../arm/document.ts'
import { AzureError, type RegionContext } from '../context.ts'
import {
  createRun,
  experimentOf,
  type JobRef,
  jobId,
  jobProperties,
  jobType,
  recordStatus,
  regionCaller,
  statusOf,
} from './job-record.ts'
import { assetIdOf, defaultOutputUri } from './uris.ts'

/** Starts a child job and resolves when it is at its end. */
export type RunChild = (job: JobRef) => { readonly done: Promise<void>; cancel(): void }

interface Node {
  readonly name: string
  readonly spec: Document
  readonly after: ReadonlySet<string>
}

/**
 * Runs a pipeline job: its nodes as child jobs, each as soon as what it depends on is complete. One
 * failed node fails the pipeline; nodes that do not depend on it still run when
 * `continue_on_step_failure` asks for it.
 */
export function runPipelineJob(
  region: RegionContext,
  job: JobRef,
  runChild: RunChild,
): { readonly done: Promise<void>; cancel(): void } {
  const cancelled = new AbortController()
  const done = run(region, job, runChild, cancelled.signal).catch((cause: unknown) => {
    const message = cause instanceof Error ? cause.message : String(cause)
    recordStatus(region, job, {
      status: 'Failed',
      error: { code: 'UserError', message },
      endTimeUtc: region.clock().toISOString(),
    })
  })
  return { done, cancel: () => cancelled.abort() }
}

async function run(
  region: RegionContext,
  job: JobRef,
  runChild: RunChild,
  cancelled: AbortSignal,
): Promise<void> {
  const properties = jobProperties(region, job)
  const graph = pipelineGraph(region, job.workspaceId, properties)
  const nodes = nodesOf(graph)
  recordStatus(region, job, { status: 'Running', startTimeUtc: region.clock().toISOString() })
  const continueOnFailure = asRecord(properties.settings).continue_on_step_failure === true
  const finished = new Map<string, boolean>()
  const running = new Map<string, Promise<void>>()
  const cancels = new Set<() => void>()
  cancelled.addEventListener('abort', () => {
    for (const cancel of cancels) cancel()
  })
  for (;;) {
    const failed = [...finished.values()].includes(false)
    const stop = cancelled.aborted || (failed && !continueOnFailure)
    for (const node of stop ? [] : nodes) {
      if (finished.has(node.name) || running.has(node.name)) continue
      if ([...node.after].some((name) => finished.get(name) === false))
        finished.set(node.name, false)
      else if ([...node.after].every((name) => finished.get(name) === true)) {
        const child = createChild(region, job, properties, graph, node)
        const started = runChild(child)
        cancels.add(started.cancel)
        running.set(
          node.name,
          started.done.then(() => {
            cancels.delete(started.cancel)
            running.delete(node.name)
            finished.set(node.name, statusOf(region, child) === 'Completed')
          }),
        )
      }
    }
    if (running.size === 0 && (stop || nodes.every((node) => finished.has(node.name)))) break
    if (running.size === 0)
      throw new AzureError(
        400,
        'UserError',
        'The nodes of the pipeline depend on each other in a circle.',
      )
    await Promise.race(running.values())
  }
  const failedNodes = nodes
    .filter((node) => finished.get(node.name) !== true)
    .map((node) => node.name)
  const endTimeUtc = region.clock().toISOString()
  if (cancelled.aborted) recordStatus(region, job, { status: 'Canceled', endTimeUtc })
  else if (failedNodes.length > 0)
    recordStatus(region, job, {
      status: 'Failed',
      error: {
        code: 'UserError',
        message: `Nodes that did not complete: ${failedNodes.join(', ')}.`,
      },
      endTimeUtc,
    })
  else recordStatus(region, job, { status: 'Completed', endTimeUtc })
}

/** The graph stands in the job itself, or in the pipeline component that it names. */
function pipelineGraph(region: RegionContext, workspaceId: string, properties: Document): Document {
  const own = asRecord(properties.jobs)
  if (Object.keys(own).length > 0) return own
  const componentId = asText(properties.componentId)
  return componentId === undefined
    ? {}
    : asRecord(componentSpec(region, workspaceId, componentId).jobs)
}

function nodesOf(graph: Document): Node[] {
  return Object.entries(graph).map(([name, value]) => {
    const spec = asRecord(value)
    const after = new Set(
      [
        ...JSON.stringify([spec.inputs ?? {}, spec.depends_on ?? []]).matchAll(
          /\$\{\{parent\.jobs\.([\w-]+)\./g,
        ),
      ].map(([, node = '']) => node),
    )
    return { name, spec, after }
  })
}

export function componentSpec(
  region: RegionContext,
  workspaceId: string,
  componentId: string,
): Document {
  const id = assetIdOf(workspaceId, 'components', componentId)
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
function createChild(
  region: RegionContext,
  parent: JobRef,
  pipeline: Document,
  graph: Document,
  node: Node,
): JobRef {
  const child: JobRef = { workspaceId: parent.workspaceId, name: `${parent.name}_${node.name}` }
  if (region.resources.get(jobId(child))) return child
  const reference = asText(node.spec.componentId) ?? asText(node.spec.component)
  const spec =
    reference === undefined ? node.spec : componentSpec(region, parent.workspaceId, reference)
  const type = (asText(spec.type) ?? asText(node.spec.type) ?? 'command').toLowerCase()
  const computeId =
    asText(node.spec.computeId) ?? asText(asRecord(pipeline.settings).default_compute)
  const properties: Document = {
    jobType: type === 'pipeline' ? 'Pipeline' : type === 'command' ? 'Command' : type,
    displayName: node.name,
    experimentName: experimentOf(pipeline),
    command: spec.command,
    codeId: asText(spec.code)?.replace(/^azureml:(?=\/)/, ''),
    environmentId: asText(spec.environment)?.replace(/^azureml:(?=\/)/, ''),
    environmentVariables: node.spec.environment_variables ?? {},
    ...(computeId === undefined || computeId === 'serverless' ? {} : { computeId }),
    inputs: childInputs(parent, pipeline, graph, node, asRecord(spec.inputs)),
    outputs: childOutputs(parent, pipeline, node, asRecord(spec.outputs)),
    ...(type === 'pipeline' ? { jobs: spec.jobs, settings: pipeline.settings } : {}),
    properties: { 'azureml.parentRunId': parent.name, 'azureml.nodeName': node.name },
    tags: {},
    services: {},
    isArchived: false,
    status: 'NotStarted',
  }
  region.resources.put(jobId(child), jobType, { body: { properties } }, regionCaller(region))
  createRun(region, child, regionCaller(region))
  return child
}

function childInputs(
  parent: JobRef,
  pipeline: Document,
  graph: Document,
  node: Node,
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
  const fromParent = /^\$\{\{parent\.inputs\.([\w-]+)\}\}$/.exec(text)
  if (fromParent) return asRecord(asRecord(pipeline.inputs)[fromParent[1] ?? ''])
  const fromNode = /^\$\{\{parent\.jobs\.([\w-]+)\.outputs\.([\w-]+)\}\}$/.exec(text)
  if (fromNode) {
    const [, other = '', output = ''] = fromNode
    const declared = outputDocument(asRecord(asRecord(graph[other]).outputs)[output])
    return { jobInputType: 'uri_folder', uri: outputUri(parent, pipeline, other, output, declared) }
  }
  const mixed = text.replace(/\$\{\{parent\.inputs\.([\w-]+)\}\}/g, (_, name: string) =>
    String(asRecord(asRecord(pipeline.inputs)[name]).value ?? ''),
  )
  return { jobInputType: 'literal', value: mixed }
}

function childOutputs(
  parent: JobRef,
  pipeline: Document,
  node: Node,
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
  if (bound !== undefined)
    return (
      asText(asRecord(asRecord(pipeline.outputs)[bound]).uri) ??
      defaultOutputUri(parent.name, bound)
    )
  return asText(output.uri) ?? defaultOutputUri(`${parent.name}_${node}`, name)
}

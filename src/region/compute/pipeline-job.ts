import { asRecord, asText, type Document } from '../arm/document.ts'
import { AzureError, type RegionContext } from '../context.ts'
import { fail, type Outcome, type RunningJob } from './command-job.ts'
import { ExecutionLog } from './execution-log.ts'
import { type JobRef, jobProperties, recordStatus, statusOf } from './job-record.ts'
import { componentSpec, createStep, type PipelineNode } from './pipeline-step.ts'

/** Starts a child job; `done` resolves when it is at its end. */
export type RunChild = (job: JobRef) => { readonly done: Promise<void>; cancel(): void }

/**
 * Runs a pipeline job: its nodes as child jobs, each as soon as what it depends on is complete. One
 * failed node fails the pipeline; nodes that do not depend on it still run when
 * `continue_on_step_failure` asks for it.
 */
export function runPipelineJob(region: RegionContext, job: JobRef, runChild: RunChild): RunningJob {
  const pipeline = new Pipeline(region, job, runChild)
  const done = pipeline.run().catch((cause: unknown) => fail(region, job, cause))
  return { done, cancel: () => pipeline.cancel() }
}

class Pipeline {
  readonly #region: RegionContext
  readonly #job: JobRef
  readonly #runChild: RunChild
  readonly #log: ExecutionLog
  /** Whether a node completed, by name. */
  readonly #finished = new Map<string, boolean>()
  readonly #running = new Map<string, { readonly done: Promise<void>; cancel(): void }>()
  #isCancelled = false

  constructor(region: RegionContext, job: JobRef, runChild: RunChild) {
    this.#region = region
    this.#job = job
    this.#runChild = runChild
    this.#log = new ExecutionLog(region, job)
  }

  cancel(): void {
    this.#isCancelled = true
    for (const { cancel } of this.#running.values()) cancel()
  }

  async run(): Promise<void> {
    const properties = jobProperties(this.#region, this.#job)
    const graph = pipelineGraph(this.#region, this.#job.workspaceId, properties)
    const nodes = nodesOf(graph)
    const startTimeUtc = this.#region.clock().toISOString()
    recordStatus(this.#region, this.#job, { status: 'Running', startTimeUtc })
    const goesOn = asRecord(properties.settings).continue_on_step_failure === true
    for (;;) {
      const hasFailed = [...this.#finished.values()].includes(false)
      const isStopping = this.#isCancelled || (hasFailed && !goesOn)
      if (!isStopping) this.#startWhatCan(nodes, (node) => this.#startNode(properties, graph, node))
      if (this.#running.size === 0) {
        if (isStopping || nodes.every((node) => this.#finished.has(node.name))) break
        throw inCircle()
      }
      await Promise.race([...this.#running.values()].map(({ done }) => done))
    }
    await this.#conclude(nodes)
  }

  /** Until nothing more can: a node that cannot run may decide about the nodes after it. */
  #startWhatCan(nodes: readonly PipelineNode[], start: (node: PipelineNode) => void): void {
    let before: number
    do {
      before = this.#finished.size
      for (const node of nodes) {
        if (this.#finished.has(node.name) || this.#running.has(node.name)) continue
        const ended = [...node.after].map((name) => this.#finished.get(name))
        if (ended.includes(false)) this.#finished.set(node.name, false)
        else if (ended.every((isComplete) => isComplete === true)) start(node)
      }
    } while (this.#finished.size > before)
  }

  #startNode(pipeline: Document, graph: Document, node: PipelineNode): void {
    const child = createStep(this.#region, this.#job, pipeline, graph, node)
    const started = this.#runChild(child)
    this.#log.say(`Started node ${node.name} as ${child.name}.`)
    const done = started.done.then(() => {
      const status = statusOf(this.#region, child)
      this.#running.delete(node.name)
      this.#finished.set(node.name, status === 'Completed')
      this.#log.say(`Node ${node.name} ended: ${status}.`)
    })
    this.#running.set(node.name, { done, cancel: started.cancel })
  }

  async #conclude(nodes: readonly PipelineNode[]): Promise<void> {
    const outcome = this.#outcome(nodes)
    this.#log.say(`The pipeline ended: ${outcome.status}.`)
    await this.#log.flush()
    const endTimeUtc = this.#region.clock().toISOString()
    recordStatus(this.#region, this.#job, { ...outcome, endTimeUtc })
  }

  #outcome(nodes: readonly PipelineNode[]): Outcome {
    if (this.#isCancelled) return { status: 'Canceled' }
    const names = nodes.map(({ name }) => name).filter((name) => !this.#finished.get(name))
    if (names.length === 0) return { status: 'Completed' }
    const message = `Nodes that did not complete: ${names.join(', ')}.`
    return { status: 'Failed', error: { code: 'UserError', message } }
  }
}

const inCircle = () =>
  new AzureError(
    400,
    'UserError',
    'Nodes of the pipeline depend on each other in a circle, or on a node that is not there.',
  )

/** The graph stands in the job itself, or in the pipeline component that it names. */
function pipelineGraph(region: RegionContext, workspaceId: string, properties: Document): Document {
  const own = asRecord(properties.jobs)
  if (Object.keys(own).length > 0) return own
  const componentId = asText(properties.componentId)
  return componentId === undefined
    ? {}
    : asRecord(componentSpec(region, workspaceId, componentId).jobs)
}

function nodesOf(graph: Document): PipelineNode[] {
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

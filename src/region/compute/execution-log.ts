import { workspaceStores } from '../arm/workspace-stores.ts'
import type { RegionContext } from '../context.ts'
import type { JobRef } from './job-record.ts'

/**
 * What a job that runs other jobs did and when, as the artifact that Azure's clients stream. Lines
 * are written whole and in order; the newest writing holds all of them.
 */
export class ExecutionLog {
  readonly #region: RegionContext
  readonly #job: JobRef
  #text = ''
  #last: Promise<unknown> = Promise.resolve()

  constructor(region: RegionContext, job: JobRef) {
    this.#region = region
    this.#job = job
  }

  say(line: string): void {
    this.#text += `[${this.#region.clock().toISOString()}] ${line}\n`
    const text = this.#text
    this.#last = this.#last.then(() => this.#write(text))
  }

  /** Resolves when every line is durable. */
  async flush(): Promise<void> {
    await this.#last
  }

  async #write(text: string): Promise<void> {
    const { blobs, resources } = this.#region
    // A workspace that is deleted meanwhile takes the log's place with it.
    if (!resources.get(this.#job.workspaceId)) return
    const { account } = workspaceStores(resources, this.#job.workspaceId)
    const name = `ExperimentRun/dcid.${this.#job.name}/logs/azureml/executionlogs.txt`
    await blobs.put(account, 'azureml', name, Buffer.from(text), { contentType: 'text/plain' })
  }
}

import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { scoringPayload } from '../../src/cli/demo/workspace-calls.ts'
import { isHoldfastError } from '../../src/model/errors.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'
import { type MemberName, memberNames, type World } from './world.ts'

/** A write that a workspace has acknowledged to a client. */
export interface Acknowledged {
  readonly kind: 'model' | 'blob' | 'run' | 'job'
  readonly name: string
  readonly member: MemberName
  readonly at: number
}

export const endpoint = 'fraud-scoring'
const scoringEveryMs = 100
const writeEveryMs = 300
const answerLimitMs = 3000

/** Asks the stable endpoint all the time, as an application does. */
export class ScoringClient {
  readonly #agent = new Agent({ connections: 32 })
  readonly #stop = new AbortController()
  readonly #url: string
  readonly #key: string
  #lastGood = Date.now()
  #longestGapMs = 0
  sent = 0
  failed = 0

  constructor(world: World, key: string) {
    this.#url = `${world.gateway}/endpoints/${endpoint}/score`
    this.#key = key
    void this.#run()
  }

  /** Since the last call. */
  takeLongestGap(): number {
    const gap = Math.max(this.#longestGapMs, Date.now() - this.#lastGood)
    this.#longestGapMs = 0
    this.#lastGood = Date.now()
    return gap
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#agent.destroy()
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      void this.#ask()
      await delay(scoringEveryMs)
    }
  }

  async #ask(): Promise<void> {
    this.sent += 1
    try {
      const answer = await request(this.#url, {
        method: 'POST',
        body: scoringPayload,
        headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#key}` },
        dispatcher: this.#agent,
        signal: AbortSignal.timeout(answerLimitMs),
      })
      await answer.body.dump()
      if (answer.statusCode !== 200) throw new Error(`HTTP ${answer.statusCode}`)
      const now = Date.now()
      this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastGood)
      this.#lastGood = now
    } catch {
      this.failed += 1
    }
  }
}

/** Writes where the configuration file leads, and remembers what was acknowledged. */
export class Writer {
  readonly acknowledged: Acknowledged[] = []
  readonly #world: World
  #count = 0
  #running: Promise<void> | undefined
  #stop = new AbortController()

  constructor(world: World) {
    this.#world = world
  }

  start(): void {
    this.#stop = new AbortController()
    this.#running ??= this.#run()
  }

  async pause(): Promise<void> {
    this.#stop.abort()
    await this.#running
    this.#running = undefined
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#writeNext()
      await delay(writeEveryMs)
    }
  }

  async #writeNext(): Promise<void> {
    const kind = (['model', 'blob', 'run'] as const)[this.#count % 3] ?? 'run'
    const name = `written-${this.#count++}`
    const member = writableMember(this.#world)
    if (member === undefined) return
    await this.attempt({ kind, name, member, at: 0 }, (workspace, signal) =>
      writes[kind](workspace, name, signal),
    )
  }

  /** Does it, and notes it only when the workspace said that it is done. */
  async attempt(
    write: Acknowledged,
    work: (workspace: Workspace, signal: AbortSignal) => Promise<unknown>,
  ): Promise<boolean> {
    try {
      await work(this.#world.workspaces[write.member], AbortSignal.timeout(answerLimitMs))
      this.acknowledged.push({ ...write, at: Date.now() })
      return true
    } catch (error) {
      if (isHoldfastError(error)) return false
      throw error
    }
  }
}

/** Where programs go that read the configuration file. */
export function writableMember({ config, ids }: World): MemberName | undefined {
  try {
    const { workspace_name: name } = JSON.parse(readFileSync(config, 'utf8')) as {
      workspace_name: string
    }
    return memberNames.find((member) => ids[member].endsWith(`/${name}`))
  } catch {
    // The file does not exist before the controller has written it for the first time.
    return undefined
  }
}

const epoch = 1

const writes = {
  model: (workspace: Workspace, name: string, signal: AbortSignal) =>
    workspace.putObject(
      { kind: 'model', path: [name, '1'] },
      {
        properties: {
          modelUri: 'azureml://datastores/workspaceblobstore/paths/written/',
          modelType: 'custom_model',
        },
      },
      { epoch, signal },
    ),
  blob: (workspace: Workspace, name: string, signal: AbortSignal) => {
    const bytes = new TextEncoder().encode(name)
    const blob = {
      ...{ name: `written/${name}.txt`, sizeBytes: bytes.length },
      ...{ etag: '', modifiedAt: '', metadata: {} },
    }
    const content = new Blob([bytes]).stream()
    return workspace.writeBlob('workspaceblobstore', blob, content, { epoch, signal })
  },
  run: (workspace: Workspace, runId: string, signal: AbortSignal) => {
    const run = {
      ...{ runId, experimentName: 'writers', status: 'Completed', modifiedAt: '' },
      body: { runId, displayName: runId },
    }
    return workspace.putRuns('writers', [run], { epoch, signal })
  },
}

/** Whether an acknowledged write stands at a member. */
export async function stands(workspace: Workspace, write: Acknowledged): Promise<boolean> {
  const { name } = write
  switch (write.kind) {
    case 'model':
      return (await workspace.getObject({ kind: 'model', path: [name, '1'] })) !== undefined
    case 'blob':
      return (await workspace.getBlob('workspaceblobstore', `written/${name}.txt`)) !== undefined
    case 'run':
      return (await workspace.getRun(name)) !== undefined
    case 'job':
      return (await workspace.getObject({ kind: 'job', path: [name] })) !== undefined
    default:
      return write.kind satisfies never
  }
}

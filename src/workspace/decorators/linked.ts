import { HoldfastError } from '../../model/errors.ts'
import { allPages } from '../pages.ts'
import type { RunLink, RunLinks } from '../run-links.ts'
import type { CallOptions, Run, Workspace, WriteOptions } from '../workspace.ts'
import { interceptWorkspace } from './intercept.ts'

export interface LinkOptions {
  readonly group: string
  /** The member whose run ids the callers use. */
  readonly other: Workspace
  readonly links: RunLinks
}

/**
 * A workspace that does not keep run ids, seen in the run ids of another member: whoever copies and
 * compares need not know that the ids differ. New runs get their origin written on them; what the
 * links do not know is looked for by origin before anything is created (I2, I10).
 */
export function linked(workspace: Workspace, options: LinkOptions): Workspace {
  const ids = new LinkedIds(workspace, options)
  const backAll = (runs: readonly Run[]) => ids.back(runs)
  return {
    ...interceptWorkspace(workspace, (_call, next) => next()),

    async listRuns(call) {
      const page = await workspace.listRuns(call)
      return { ...page, items: await backAll(page.items) }
    },
    async getRun(runId, call) {
      const there = (await ids.there([runId], call)).get(runId)
      const run = there === undefined ? undefined : await workspace.getRun(there, call)
      return run === undefined ? undefined : (await backAll([run]))[0]
    },
    async getRuns(runs, call) {
      const there = await ids.there(
        runs.map((run) => run.runId),
        call,
      )
      const named = runs.flatMap(({ runId, experimentName }) => {
        const id = there.get(runId)
        return id === undefined ? [] : [{ runId: id, experimentName }]
      })
      return named.length === 0 ? [] : backAll(await workspace.getRuns(named, call))
    },
    putRuns: (experimentName, runs, call) => ids.put(experimentName, runs, call),

    async readMetrics(runId, call) {
      return workspace.readMetrics(await ids.one(runId), call)
    },
    async readMetricsOf(runs, call) {
      const there = await ids.known(runs.map((run) => run.runId))
      const here = new Map([...there].map(([a, b]) => [b, a]))
      const inner = runs.map((run) => ({ ...run, runId: there.get(run.runId) ?? run.runId }))
      const page = await workspace.readMetricsOf(inner, call)
      const items = page.items.map((part) => ({
        ...part,
        runId: here.get(part.runId) ?? part.runId,
      }))
      return { ...page, items }
    },
    async writeMetrics(runId, values, call) {
      return workspace.writeMetrics(await ids.one(runId), values, call)
    },

    async listBlobs(store, call) {
      return workspace.listBlobs(await ids.store(store), call)
    },
    async getBlob(store, name, call) {
      return workspace.getBlob(await ids.store(store), name, call)
    },
    async readBlob(store, name, call) {
      return workspace.readBlob(await ids.store(store), name, call)
    },
    async blobReadUrl(store, name, call) {
      return workspace.blobReadUrl(await ids.store(store), name, call)
    },
    async copyBlob(store, source, url, call) {
      return workspace.copyBlob(await ids.store(store), source, url, call)
    },
    async writeBlob(store, blob, content, call) {
      return workspace.writeBlob(await ids.store(store), blob, content, call)
    },
    async deleteBlob(store, name, call) {
      return workspace.deleteBlob(await ids.store(store), name, call)
    },
  }
}

class LinkedIds {
  readonly #here: Workspace
  readonly #options: LinkOptions
  /** All origins of the other member were read since the last write that may have gone wrong. */
  #scan: Promise<void> | undefined

  constructor(here: Workspace, options: LinkOptions) {
    this.#here = here
    this.#options = options
  }

  /** By the links alone. */
  async known(runIds: readonly string[]): Promise<Map<string, string>> {
    const { group, other, links } = this.#options
    return links.find(group, other.name, this.#here.name, [...new Set(runIds)])
  }

  /** By the links, and for those they do not know by the origins that the copies carry. */
  async there(runIds: readonly string[], call: CallOptions = {}): Promise<Map<string, string>> {
    const found = await this.known(runIds)
    if (runIds.every((id) => found.has(id))) return found
    await this.#readOrigins(call)
    return this.known(runIds)
  }

  async one(runId: string): Promise<string> {
    const there = (await this.known([runId])).get(runId)
    if (there !== undefined) return there
    throw new HoldfastError('object.not-found', `${this.#here.name} has no copy of run ${runId}`, {
      place: `run/${runId}`,
    })
  }

  async store(name: string): Promise<string> {
    return name.startsWith('run:') ? `run:${await this.one(name.slice('run:'.length))}` : name
  }

  /** Runs as the other member would call them, parents included; strangers keep their ids. */
  async back(runs: readonly Run[]): Promise<Run[]> {
    const { group, other, links } = this.#options
    const named = runs.flatMap((run) => [run.runId, ...parentOf(run)])
    const names = await links.find(group, this.#here.name, other.name, [...new Set(named)])
    const name = (id: string) => names.get(id) ?? id
    return runs.map(({ origin: _, ...run }) => withIds(run, name(run.runId), name))
  }

  async put(
    experimentName: string,
    runs: readonly Run[],
    call: WriteOptions,
  ): Promise<readonly string[]> {
    await this.#linkReturning(runs)
    await this.there(
      runs.map((run) => run.runId),
      call,
    )
    for (let left = runs; left.length > 0; ) {
      const ids = new Set(left.map((run) => run.runId))
      // A parent of the same call goes first: its id here is known only then.
      const ready = left.filter((run) => !parentOf(run).some((parent) => ids.has(parent)))
      const wave = ready.length === 0 ? left : ready
      await this.#putWave(experimentName, wave, call)
      left = left.filter((run) => !wave.includes(run))
    }
    return runs.map((run) => run.runId)
  }

  async #putWave(experimentName: string, runs: readonly Run[], call: WriteOptions): Promise<void> {
    const { group, other, links } = this.#options
    const names = await this.known(runs.flatMap((run) => [run.runId, ...parentOf(run)]))
    await this.#checkParents(runs, names, call)
    const given = runs.map((run) => ({
      ...withIds(run, names.get(run.runId) ?? '', (id) => names.get(id) ?? id),
      origin: { member: other.name, runId: run.runId },
    }))
    try {
      const there = await this.#here.putRuns(experimentName, given, call)
      const added = given.flatMap((run, i): RunLink[] =>
        run.runId === ''
          ? [{ origin: run.origin, copy: { member: this.#here.name, runId: there[i] ?? '' } }]
          : [],
      )
      await links.add(group, added)
    } catch (error) {
      // Some of them may be there by now: look before anything is created again (I2).
      this.#scan = undefined
      throw error
    }
  }

  /** A parent that exists and has no copy yet comes later in the list; its child waits for it. */
  async #checkParents(
    runs: readonly Run[],
    names: ReadonlyMap<string, string>,
    call: CallOptions,
  ): Promise<void> {
    const missing = new Set(runs.flatMap(parentOf).filter((parent) => !names.has(parent)))
    const signal = call.signal === undefined ? {} : { signal: call.signal }
    for (const parent of missing) {
      if ((await this.#options.other.getRun(parent, signal)) === undefined) continue
      throw new HoldfastError('run.parent-later', `the parent ${parent} is not copied yet`, {
        place: `run/${parent}`,
        hint: 'The next pass copies it.',
      })
    }
  }

  /** A run that is itself a copy of one here goes back to where it came from. */
  async #linkReturning(runs: readonly Run[]): Promise<void> {
    const { group, other, links } = this.#options
    const returning = runs.flatMap(({ runId, origin }): RunLink[] =>
      origin?.member === this.#here.name ? [{ origin, copy: { member: other.name, runId } }] : [],
    )
    await links.add(group, returning)
  }

  #readOrigins(call: CallOptions): Promise<void> {
    const { other } = this.#options
    const options = call.signal === undefined ? {} : { signal: call.signal }
    this.#scan ??= Promise.all([
      this.#addOrigins(this.#here, other, options),
      this.#addOrigins(other, this.#here, options),
    ]).then(
      () => undefined,
      (error: unknown) => {
        this.#scan = undefined
        throw error
      },
    )
    return this.#scan
  }

  async #addOrigins(copies: Workspace, originals: Workspace, options: CallOptions): Promise<void> {
    const { group, links } = this.#options
    let batch: RunLink[] = []
    for await (const { runId, origin } of allPages((page) => copies.listRuns(page), options)) {
      if (origin?.member !== originals.name) continue
      batch.push({ origin, copy: { member: copies.name, runId } })
      if (batch.length < linksPerWrite) continue
      await links.add(group, batch)
      batch = []
    }
    await links.add(group, batch)
  }
}

const linksPerWrite = 1000

function parentOf(run: Run): string[] {
  const parent = run.body.parentRunId
  return typeof parent === 'string' && parent !== '' ? [parent] : []
}

function withIds(run: Run, runId: string, name: (id: string) => string): Run {
  const [parent] = parentOf(run)
  return {
    ...run,
    runId,
    body: {
      ...run.body,
      runId,
      ...(parent === undefined ? {} : { parentRunId: name(parent) }),
    },
  }
}

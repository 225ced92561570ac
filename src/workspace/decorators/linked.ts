import { HoldfastError } from '../../model/errors.ts'
import type { JsonObject } from '../../model/json.ts'
import { isMintedKind, isTrackingKind, trackingKinds } from '../../model/kinds.ts'
import type { ObjectId } from '../../model/object-id.ts'
import { trackedIdsIn, withTrackedIds } from '../../model/tracked-ids.ts'
import { allPages } from '../pages.ts'
import type { RunLink, RunLinks } from '../run-links.ts'
import type {
  CallOptions,
  PutOptions,
  PutRunsOptions,
  Run,
  Workspace,
  WorkspaceObject,
} from '../workspace.ts'
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

    async listObjects(kind, call) {
      const page = await workspace.listObjects(kind, call)
      return isTrackingKind(kind) ? { ...page, items: await ids.backObjects(page.items) } : page
    },
    async getObject(id, call) {
      if (!isTrackingKind(id.kind)) return workspace.getObject(id, call)
      const there = await ids.objectId(id, call)
      const found = there === undefined ? undefined : await workspace.getObject(there, call)
      return found === undefined ? undefined : (await ids.backObjects([found]))[0]
    },
    putObject: (id, body, call) =>
      isTrackingKind(id.kind) ? ids.putObject(id, body, call) : workspace.putObject(id, body, call),

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
    const kind = mintedStores.find((one) => name.startsWith(one))
    return kind === undefined ? name : kind + (await this.one(name.slice(kind.length)))
  }

  /** Undefined: it has no copy here. Kinds whose ids the writer chooses are called the same. */
  async objectId(id: ObjectId, call?: CallOptions): Promise<ObjectId | undefined> {
    if (!isMintedKind(id.kind)) return id
    const [name = ''] = id.path
    const there = (await this.there([name], call)).get(name)
    return there === undefined ? undefined : { ...id, path: [there] }
  }

  /** Objects as the other member would call them and what they name. */
  async backObjects(objects: readonly WorkspaceObject[]): Promise<WorkspaceObject[]> {
    const { group, other, links } = this.#options
    const named = objects.flatMap(({ id, body }) => [...mintedName(id), ...trackedIdsIn(body)])
    const names = await links.find(group, this.#here.name, other.name, [...new Set(named)])
    return objects.map((object) => ({
      ...object,
      id: withName(object.id, (name) => names.get(name) ?? name),
      body: withTrackedIds(object.body, names),
    }))
  }

  async putObject(id: ObjectId, body: JsonObject, call: PutOptions): Promise<WorkspaceObject> {
    const { group, other, links } = this.#options
    const there = await this.objectId(id, call)
    const names = await this.known(trackedIdsIn(body))
    const inner = withTrackedIds(body, names)
    const [name = ''] = id.path
    try {
      const put = there ?? { ...id, path: [''] }
      const written = await this.#here.putObject(put, inner, call)
      if (there === undefined) {
        const copy = { member: this.#here.name, runId: written.id.path[0] ?? '' }
        await links.add(group, [{ origin: { member: other.name, runId: name }, copy }])
      }
      const [back = written] = await this.backObjects([written])
      return back
    } catch (error) {
      // It may be there by now: look before anything is created again (I2).
      if (there === undefined) this.#scan = undefined
      throw error
    }
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
    call: PutRunsOptions,
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

  async #putWave(
    experimentName: string,
    runs: readonly Run[],
    { expected, ...call }: PutRunsOptions,
  ): Promise<void> {
    const { group, other, links } = this.#options
    const names = await this.known(runs.flatMap((run) => [run.runId, ...parentOf(run)]))
    await this.#checkParents(runs, names, call)
    const given = runs.map((run) => ({
      ...withIds(run, names.get(run.runId) ?? '', (id) => names.get(id) ?? id),
      origin: { member: other.name, runId: run.runId },
    }))
    // One without a copy is created under a new id, where nothing can be in its way.
    const versions = new Map(
      [...(expected ?? [])].flatMap(([id, version]) => {
        const there = names.get(id)
        return there === undefined ? [] : [[there, version] as const]
      }),
    )
    try {
      const there = await this.#here.putRuns(experimentName, given, { ...call, expected: versions })
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
    await this.#addObjectOrigins(copies, originals, options)
  }

  async #addObjectOrigins(
    copies: Workspace,
    originals: Workspace,
    options: CallOptions,
  ): Promise<void> {
    const { group, links } = this.#options
    for (const { kind } of trackingKinds) {
      if (!isMintedKind(kind) || !copies.capabilities.kinds.has(kind)) continue
      const pages = allPages((page) => copies.listObjects(kind, page), options)
      for await (const { id, origin } of pages) {
        if (origin?.member !== originals.name) continue
        const copy = { member: copies.name, runId: id.path[0] ?? '' }
        await links.add(group, [{ origin: { member: origin.member, runId: origin.id }, copy }])
      }
    }
  }
}

const mintedStores = ['run:', 'logged-model:']

function mintedName({ kind, path: [name = ''] }: ObjectId): string[] {
  return isMintedKind(kind) ? [name] : []
}

function withName(id: ObjectId, name: (id: string) => string): ObjectId {
  return isMintedKind(id.kind) ? { ...id, path: id.path.map(name) } : id
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

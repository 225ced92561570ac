import pLimit from 'p-limit'
import { canonicalJson, canonicalObject } from '../model/canonical.ts'
import { HoldfastError } from '../model/errors.ts'
import { armKind } from '../model/kinds.ts'
import { formatObjectId, type ObjectId, parseObjectId } from '../model/object-id.ts'
import { opened } from '../workspace/sealing.ts'
import type { Workspace, WorkspaceObject } from '../workspace/workspace.ts'
import { isAsLeft } from './decide-action.ts'
import type { Definition, DefinitionStore } from './definitions.ts'
import { fieldChanges } from './field-changes.ts'
import type { Direction, Ledger } from './ledger.ts'
import { digestOf } from './object-forms.ts'
import { failureOf } from './pass-state.ts'
import { firstForm, isEndpoint, isFinishedLater, withoutHeldBack } from './standing-form.ts'

export interface ColdOptions {
  readonly target: Workspace
  readonly definitions: Pick<DefinitionStore, 'list'>
  readonly direction: Direction
  /**
   * Tells a replica that the last pass could not bring up to date from a stranger's object. Without
   * it only what a strategy held back is completed, and anything else that differs is left alone.
   */
  readonly ledger?: Pick<Ledger, 'read'>
}

export interface ColdObjects {
  /** Object ids that do not stand at the target as defined, in the order they will be made. */
  missing(options: { readonly signal: AbortSignal }): Promise<readonly string[]>
  /**
   * Makes them. Idempotent: what stands already is left alone. One object's failure does not keep
   * the others from being made; a stale epoch, a cancelled signal or a silent target ends it.
   */
  create(options: {
    readonly epoch: number
    readonly signal: AbortSignal
    readonly onProgress: (done: number, total: number) => void
  }): Promise<{
    readonly created: readonly string[]
    readonly failed: readonly FailedObject[]
  }>
}

export interface FailedObject {
  readonly object: string
  readonly code: string
  readonly message: string
}

/** Objects under way at a time: a deployment takes minutes, and a failover waits for all of them. */
const concurrency = 16

/**
 * What the strategies left undone at the target: hot-cold objects, the full size of hot-warm ones,
 * traffic. From the definitions kept here: the source is not needed. Schedules are not among them;
 * they start when everything stands. Look, act, look (D8); never over a stranger's object (I3).
 */
export function coldObjects({ target, definitions, direction, ledger }: ColdOptions): ColdObjects {
  async function look(signal: AbortSignal): Promise<Sight[]> {
    const wanted = await listDefinitions(definitions, direction)
    const limit = pLimit(concurrency)
    const seen = await Promise.all(
      wanted.map((one) =>
        limit(async () => {
          const id = parseObjectId(one.object)
          const definition = { ...one, body: await opened(target, one.body, { signal }) }
          return { id, definition, there: await target.getObject(id, { signal }) }
        }),
      ),
    )
    return seen.filter(({ id, definition, there }) => !stands(id, definition, there))
  }

  /** What is to be replaced at the target; refuses what Holdfast did not leave there (I3). */
  async function checkOurs({ id, definition, there }: Sight): Promise<void> {
    if (there === undefined) return
    const bare = (body: WorkspaceObject['body']) => withoutHeldBack(id, body, definition.body)
    if (digestOf(id, bare(there.body)) === digestOf(id, bare(definition.body))) return
    if (isBlankContainer(id, there)) return
    const row = (await ledger?.read(direction, [definition.object]))?.get(definition.object)
    if (isAsLeft(row, digestOf(id, there.body)) === true) return
    const fields = fieldChanges(
      canonicalObject(id, there.body),
      canonicalObject(id, definition.body),
    ).map(({ path }) => path)
    throw new HoldfastError(
      'object.conflict',
      `${definition.object} stands at ${target.name} with other content that Holdfast did not write; it differs in ${fields.join(', ').slice(0, 400)}`,
      { kind: 'operator', place: definition.object },
    )
  }

  return {
    async missing({ signal }) {
      return (await look(signal)).map(({ definition }) => definition.object)
    },

    async create({ epoch, signal, onProgress }) {
      const todo = await look(signal)
      const failed = new Map<string, FailedObject>()
      const options = { epoch, signal }
      const limit = pLimit(concurrency)
      let done = 0
      const each = (sights: readonly Sight[], work: (sight: Sight) => Promise<void>) =>
        Promise.all(
          sights.map((sight) =>
            limit(async () => {
              const { object } = sight.definition
              if (failed.has(object)) return
              try {
                await work(sight)
              } catch (error) {
                failed.set(object, { object, ...failureOf(error) })
              }
            }),
          ),
        )

      for (const wave of wavesOf(todo)) {
        await each(wave, async (sight) => {
          const { id, definition, there } = sight
          await checkOurs(sight)
          // Standing already: only its last form is lacking, and that comes at the end.
          if (there !== undefined && isFinishedLater(id.kind)) return
          const body = isFinishedLater(id.kind) ? firstForm(id, definition.body) : definition.body
          await target.putObject(id, body, { ...options, ...conditionOf(there) })
          done += 1
          onProgress(done, todo.length)
        })
      }
      // Traffic names deployments, and an archived container takes no versions: these come last.
      await each(
        todo.filter(({ id }) => isFinishedLater(id.kind)),
        async ({ id, definition, there }) => {
          const now = await target.getObject(id, { signal })
          if (stands(id, definition, now)) return
          await target.putObject(id, definition.body, { ...options, ...conditionOf(now) })
          if (there === undefined) return
          done += 1
          onProgress(done, todo.length)
        },
      )
      const left = new Map((await look(signal)).map((sight) => [sight.definition.object, sight]))
      for (const { id, definition, there } of left.values()) {
        const { object } = definition
        if (failed.has(object)) continue
        failed.set(object, { object, ...whatDiffers(id, definition, there) })
      }
      const created = todo.map(({ definition }) => definition.object)
      return {
        created: created.filter((object) => !failed.has(object)),
        failed: [...failed.values()],
      }
    },
  }
}

interface Sight {
  readonly id: ObjectId
  readonly definition: Definition
  readonly there: WorkspaceObject | undefined
}

async function listDefinitions(
  definitions: Pick<DefinitionStore, 'list'>,
  direction: Direction,
): Promise<Definition[]> {
  const all: Definition[] = []
  for (let after: string | undefined; ; ) {
    const page = await definitions.list(direction, {
      limit: 500,
      ...(after === undefined ? {} : { after }),
    })
    all.push(...page)
    if (page.length < 500) break
    after = page.at(-1)?.object
  }
  return all.filter(({ kind }) => kind !== 'schedule').sort((a, b) => waveOf(a) - waveOf(b))
}

function waveOf({ object }: Definition): number {
  return armKind(parseObjectId(object).kind)?.wave ?? 0
}

function wavesOf(sights: readonly Sight[]): Sight[][] {
  const waves = new Map<number, Sight[]>()
  for (const sight of sights) {
    const wave = waveOf(sight.definition)
    waves.set(wave, [...(waves.get(wave) ?? []), sight])
  }
  return [...waves.values()]
}

function stands(id: ObjectId, definition: Definition, there: WorkspaceObject | undefined): boolean {
  return there !== undefined && digestOf(id, there.body) === digestOf(id, definition.body)
}

/** A version makes its container when there is none; empty as that is, it holds nothing to lose. */
function isBlankContainer(id: ObjectId, { body }: WorkspaceObject): boolean {
  if (!id.kind.endsWith('-container')) return false
  const { properties = {}, ...rest } = canonicalObject(id, body)
  return Object.keys(rest).length === 0 && canonicalJson(properties) === '{}'
}

function conditionOf(there: WorkspaceObject | undefined) {
  if (there === undefined) return { condition: 'absent' } as const
  return there.etag === undefined ? {} : { condition: { etag: there.etag } }
}

function whatDiffers(id: ObjectId, definition: Definition, there: WorkspaceObject | undefined) {
  if (there === undefined) return { code: 'object.absent', message: 'created, and not there' }
  const fields = fieldChanges(
    canonicalObject(id, definition.body),
    canonicalObject(id, there.body),
  ).map(({ path }) => path)
  const message = `${formatObjectId(id)} differs from its definition in ${fields.join(', ').slice(0, 400)}`
  return {
    code: 'object.not-equal',
    message: isEndpoint(id.kind) ? `${message}; are its deployments there?` : message,
  }
}

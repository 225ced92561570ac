import { isHoldfastError } from '../model/errors.ts'
import { armKind } from '../model/kinds.ts'
import { parseObjectId } from '../model/object-id.ts'
import type { Workspace } from '../workspace/workspace.ts'
import type { Definition, DefinitionStore } from './definitions.ts'
import type { Direction } from './ledger.ts'
import { digestOf } from './object-forms.ts'

export interface ColdResult {
  readonly created: readonly string[]
  readonly standing: readonly string[]
  readonly failed: readonly {
    readonly object: string
    readonly code: string
    readonly message: string
  }[]
}

/**
 * Creates at the target what the strategies left cold, and gives deployments their full size, from
 * the definitions kept here: the source is not needed. Schedules are left to the step that enables
 * them. Look, act, look: what stands already is left alone (D8).
 */
export async function createCold(
  target: Workspace,
  definitions: DefinitionStore,
  direction: Direction,
  options: { readonly epoch: number; readonly signal?: AbortSignal },
): Promise<ColdResult> {
  const wanted: Definition[] = []
  for (let after: string | undefined; ; ) {
    const page = await definitions.list(direction, {
      limit: 500,
      ...(after === undefined ? {} : { after }),
    })
    wanted.push(...page.filter(({ kind }) => kind !== 'schedule'))
    if (page.length < 500) break
    after = page.at(-1)?.object
  }
  const created: string[] = []
  const standing: string[] = []
  const failed: ColdResult['failed'][number][] = []
  for (const definition of wanted.sort((a, b) => waveOf(a) - waveOf(b))) {
    const id = parseObjectId(definition.object)
    try {
      const there = await target.getObject(id, options)
      if (there !== undefined && digestOf(id, there.body) === definition.digest) {
        standing.push(definition.object)
        continue
      }
      await target.putObject(id, definition.body, options)
      created.push(definition.object)
    } catch (error) {
      if (!isHoldfastError(error) || error.kind === 'cancelled' || error.code === 'epoch.stale')
        throw error
      failed.push({ object: definition.object, code: error.code, message: error.message })
    }
  }
  return { created, standing, failed }
}

function waveOf(definition: Definition): number {
  return armKind(parseObjectId(definition.object).kind)?.wave ?? 0
}

import { readFile } from 'node:fs/promises'
import { HoldfastError } from '../model/errors.ts'
import type { Place } from '../model/place.ts'
import { refuseStale } from './epoch-guard.ts'
import type { StableEndpoint, StablePointer } from './stable-endpoint.ts'
import { isAbsent, oneAtATime, writeAtomically } from './write-atomically.ts'

export interface WorkspaceConfigOptions {
  /** The `config.json` that `MLClient.from_config` reads; made when it is missing. */
  readonly path: string
}

/**
 * Leads by the file that data scientists' notebooks read to find their workspace. Everything else
 * in the file stays as it is. Throws `traffic.config-unreadable` when the file is there and is not
 * a JSON object: it is somebody's file, and is not overwritten.
 */
export function workspaceConfigEndpoint(options: WorkspaceConfigOptions): StableEndpoint {
  const { path } = options
  return {
    name: path,

    async current({ signal } = {}) {
      return pointerIn(await readConfig(path, signal))
    },

    switchTo: (pointer, { place }, { signal } = {}) =>
      oneAtATime(path, async () => {
        const existing = await readConfig(path, signal)
        refuseStale(pointerIn(existing), pointer, path)
        const next = { ...existing, ...fieldsOf(place, existing), holdfast: holdfastOf(pointer) }
        if (existing !== undefined && JSON.stringify(existing) === JSON.stringify(next)) return
        signal?.throwIfAborted()
        await writeAtomically(path, `${JSON.stringify(next, null, 4)}\n`, { mode: 0o644 })
      }),

    async verify(pointer, { signal } = {}) {
      const config = await readConfig(path, signal)
      const found = pointerIn(config)
      const isComplete = required.every((field) => typeof config?.[field] === 'string')
      if (found?.member === pointer.member && found.epoch === pointer.epoch && isComplete) return
      throw new HoldfastError(
        'traffic.not-switched',
        found === undefined
          ? 'The file does not say where it leads.'
          : `The file leads to ${found.member} in epoch ${found.epoch}, not to ${pointer.member} in epoch ${pointer.epoch}.`,
        { place: path },
      )
    },
  }
}

type Config = Readonly<Record<string, unknown>>

const required = ['subscription_id', 'resource_group', 'workspace_name'] as const

/** The fields official clients read. They prefer `Scope`, which older SDKs wrote, if it is there. */
function fieldsOf(place: Place, existing: Config | undefined): Config {
  const { subscriptionId, resourceGroup, workspaceName } = place
  const scope = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.MachineLearningServices/workspaces/${workspaceName}`
  return {
    subscription_id: subscriptionId,
    resource_group: resourceGroup,
    workspace_name: workspaceName,
    ...(typeof existing?.Scope === 'string' && { Scope: scope }),
  }
}

const holdfastOf = ({ member, epoch }: StablePointer): StablePointer => ({ member, epoch })

function pointerIn(config: Config | undefined): StablePointer | undefined {
  const mark = config?.holdfast
  if (!isRecord(mark)) return undefined
  const { member, epoch } = mark
  return typeof member === 'string' && typeof epoch === 'number' ? { member, epoch } : undefined
}

async function readConfig(
  path: string,
  signal: AbortSignal | undefined,
): Promise<Config | undefined> {
  let text: string
  try {
    text = await readFile(path, { encoding: 'utf8', signal })
  } catch (error) {
    if (isAbsent(error)) return undefined
    if (signal?.aborted) throw cancelled(error)
    throw unreadable(path, error)
  }
  try {
    // Editors on Windows begin files with a byte order mark, and the official clients accept it.
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''))
    if (isRecord(value)) return value
  } catch (error) {
    throw unreadable(path, error)
  }
  throw unreadable(path, undefined)
}

function unreadable(path: string, cause: unknown): HoldfastError {
  return new HoldfastError('traffic.config-unreadable', 'The file is not a readable JSON object.', {
    kind: 'operator',
    place: path,
    hint: 'Repair the file, or move it away: it is then written anew.',
    cause,
  })
}

function cancelled(cause: unknown): HoldfastError {
  return new HoldfastError('cancelled', 'Cancelled.', { kind: 'cancelled', cause })
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

import type { JsonObject } from '../../src/model/json.ts'
import { formatObjectId, type ObjectId } from '../../src/model/object-id.ts'
import { interceptWorkspace, type WorkspaceCall } from '../../src/workspace/decorators/intercept.ts'
import {
  type MemoryWorkspace,
  memoryWorkspace,
} from '../../src/workspace/memory/memory-workspace.ts'
import type { BlobInfo, Run, Workspace } from '../../src/workspace/workspace.ts'
import type { MemberName } from './scenario.ts'
import type { Schedule } from './schedule.ts'

/** One content that an object had in one world: who wrote it and when. */
export interface Version {
  readonly at: number
  /** Every content that a client writes has a word of its own, so that it is known again. */
  readonly stamp: string
  readonly by: string
}

export interface Submission {
  readonly member: MemberName
  readonly name: string
  readonly origin: string
  readonly epoch: string
}

/**
 * What really is in both regions, seen from below every fault: what no status, ledger or report is
 * believed over.
 */
export interface Truth {
  readonly memory: Readonly<Record<MemberName, MemoryWorkspace>>
  readonly versions: Readonly<Record<MemberName, ReadonlyMap<string, readonly Version[]>>>
  readonly submissions: readonly Submission[]
  /** A region as somebody writes to it, each effect noted in its name. */
  as(by: string, member: MemberName): Workspace
}

/** Told of each effect after it happened. */
export type Watchful = (effect: Effect) => void
export interface Effect {
  readonly by: string
  readonly member: MemberName
  readonly call: WorkspaceCall
  readonly object: string | undefined
  readonly before: Version | undefined
  readonly after: Version | undefined
}

export const client = 'client'

export function createTruth(schedule: Schedule, told: Watchful): Truth {
  const clock = () => new Date(schedule.now())
  const memory = {
    east: memoryWorkspace({ name: 'east', clock }),
    west: memoryWorkspace({ name: 'west', clock }),
  }
  const versions = { east: new Map<string, Version[]>(), west: new Map<string, Version[]>() }
  const submissions: Submission[] = []

  const note = async (by: string, member: MemberName, call: WorkspaceCall, object: string) => {
    const known = versions[member].get(object) ?? []
    const before = known.at(-1)
    const stamp = await stampOf(memory[member], call)
    const after = stamp === undefined ? before : { at: schedule.now(), stamp, by }
    if (stamp !== undefined && stamp !== before?.stamp)
      versions[member].set(object, [...known, after as Version])
    told({ by, member, call, object, before, after })
  }
  const noteAll = async (by: string, member: MemberName, call: WorkspaceCall) => {
    if (call.operation === 'submitJob') submissions.push(submissionOf(member, call))
    const objects = objectsOf(call)
    for (const one of objects) await note(by, member, one.call, one.object)
    if (objects.length === 0)
      told({ by, member, call, object: undefined, before: undefined, after: undefined })
  }
  return {
    memory,
    versions,
    submissions,
    as: (by, member) =>
      interceptWorkspace(memory[member], async (call, next) => {
        const result = await next()
        if (call.writes) await noteAll(by, member, call)
        return result
      }),
  }
}

/** The stamped objects that a call writes; a call of many is taken apart. */
function objectsOf(
  call: WorkspaceCall,
): { readonly call: WorkspaceCall; readonly object: string }[] {
  const one = (kind: ObjectId['kind'], ...path: string[]) => formatObjectId({ kind, path })
  const [first, second] = call.args
  switch (call.operation) {
    case 'putObject': {
      const id = first as ObjectId
      return id.kind === 'model' ? [{ call, object: formatObjectId(id) }] : []
    }
    case 'copyBlob':
    case 'writeBlob':
      return [{ call, object: one('blob', first as string, (second as BlobInfo).name) }]
    case 'putRuns':
      return (second as Run[]).map((run) => ({
        call: { ...call, args: [first, [run]] },
        object: one('run', run.runId),
      }))
    default:
      return []
  }
}

async function stampOf(world: MemoryWorkspace, call: WorkspaceCall): Promise<string | undefined> {
  const [first, second] = call.args
  switch (call.operation) {
    case 'putObject':
      return tagOf((await world.getObject(first as ObjectId))?.body.properties)
    case 'putRuns':
      return tagOf((await world.getRun((second as [Run])[0].runId))?.body)
    default:
      return (await world.getBlob(first as string, (second as BlobInfo).name))?.contentMd5
  }
}

function tagOf(holder: unknown): string | undefined {
  return (holder as { tags?: { stamp?: string } } | undefined)?.tags?.stamp
}

function submissionOf(member: MemberName, call: WorkspaceCall): Submission {
  const [name, body] = call.args as [string, JsonObject]
  const tags = (body.properties as { tags?: Record<string, string> } | undefined)?.tags ?? {}
  const { 'holdfast.origin': origin = name, 'holdfast.epoch': epoch = '' } = tags
  return { member, name, origin, epoch }
}

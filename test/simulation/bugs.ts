import type { DetectionThresholds } from '../../src/detection/detector.ts'
import type { ObjectId } from '../../src/model/object-id.ts'
import type { Step } from '../../src/runbook/runbook.ts'
import { failover } from '../../src/runbooks/failover.ts'
import type { ProcedureWorld } from '../../src/runbooks/ports.ts'
import type { Records } from '../../src/runbooks/records.ts'
import { reprotect } from '../../src/runbooks/reprotect.ts'
import { switchover } from '../../src/runbooks/switchover.ts'
import { interceptWorkspace } from '../../src/workspace/decorators/intercept.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'

/** Deliberate mistakes, put around the product's code from outside, to prove that they are found. */
export const bugNames = [
  'no-epoch-check',
  'belief-in-journal',
  'no-fixed-name',
  'point-ahead-of-proof',
  'no-hysteresis',
] as const
export type Bug = (typeof bugNames)[number]

export const hastyThresholds: DetectionThresholds = { toDown: 1, toUp: 1 }

type AnyStep = { -readonly [K in keyof Step<never>]: Step<never>[K] }

/** While `work` runs, a step whose intent is in the journal counts as done, without a look. */
export async function believingTheJournal<T>(work: () => Promise<T>): Promise<T> {
  const books = [failover, switchover, reprotect] as const
  const steps = new Set(books.flatMap((book) => book.steps as readonly unknown[] as AnyStep[]))
  const looks = [...steps].map((step) => [step, step.isDone] as const)
  for (const [step, look] of looks) {
    step.isDone = async (world: never, tools) => {
      const { journal, run } = world as ProcedureWorld
      const events = await journal.events(run)
      const isIntended = events.some((one) => one.type === 'step-intended' && one.step === step.id)
      return isIntended ? { done: true, detail: 'The journal says so.' } : look(world, tools)
    }
  }
  try {
    return await work()
  } finally {
    for (const [step, look] of looks) step.isDone = look
  }
}

/** Each submission gets a name of its own, and what was noted as submitted is what counts. */
export function withoutFixedName(
  workspace: Workspace,
  { jobs }: Pick<Records, 'jobs'>,
  group: string,
  nextNumber: () => number,
): Workspace {
  return interceptWorkspace(workspace, async (call, next) => {
    if (call.operation === 'submitJob') {
      const [name, body, options] = call.args as Parameters<Workspace['submitJob']>
      return workspace.submitJob(`${name}-${nextNumber()}`, body, options)
    }
    const id = call.args[0] as ObjectId
    if (call.operation !== 'getObject' || id.kind !== 'job') return next()
    const rows = await jobs.rows(group)
    const isNoted = rows.some((row) => row.resubmittedAs === id.path[0])
    return isNoted ? { id, body: { properties: { status: 'Running' } } } : next()
  })
}

/** The point moves with each thing that is written, whether or not everything else is proven. */
export function aheadOfProof(records: Records): Records {
  const { ledger } = records
  return {
    ...records,
    ledger: {
      ...ledger,
      write: async (direction, entries) => {
        await ledger.write(direction, entries)
        const [entry] = entries
        if (entry === undefined || direction.target.includes('#')) return
        await ledger.advancePoint(direction, { at: entry.at, epoch: entry.epoch, runsSince: null })
      },
    },
  }
}

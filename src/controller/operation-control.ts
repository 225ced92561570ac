import type { Operation } from '../api/contract.ts'
import type { ControlAction, ControlRequest } from '../api/control-contract.ts'
import type { Caller } from '../api/roles.ts'
import { HoldfastError } from '../model/errors.ts'
import type { Run } from '../runbook/journal.ts'
import { isEnded } from '../runbook/run-state.ts'
import type { Runner } from '../runbook/runner.ts'
import type { Database } from '../store/database.ts'
import { againAs, pastNoReturn, refuseAbort, refuseAnswer, refuseSkip } from './demands.ts'
import { oneAtATime } from './one-at-a-time.ts'
import type { PassGate } from './pass-gate.ts'
import type { Performers } from './performers.ts'
import { currentEpoch, type ProtectedGroup } from './protected-group.ts'

export type OperationControl = Readonly<
  Record<ControlAction, (id: string, request: ControlRequest, caller: Caller) => Promise<Operation>>
>

/**
 * What people do to an operation under way, or to one that failed. Each is refused here with a
 * reason, and written into the journal, whose order decides; what was not counted there is refused
 * afterwards. Throws what `demands.ts` says, `operation.not-found`, `request.invalid`.
 */
export function operationControl(parts: {
  readonly group: ProtectedGroup
  readonly database: Database
  readonly runner: Runner
  readonly gate: PassGate
  readonly runOf: (id: string) => Promise<Run>
  readonly leftOf: Performers['leftOf']
  /** Shows it, to everybody who listens as well. */
  readonly show: (run: Run) => Operation
}): OperationControl {
  const { group, runner, runOf, show } = parts
  const inTurn = async <T>({ dryRun }: ControlRequest, work: () => Promise<T>) => {
    if (!dryRun) await runner.ready()
    return oneAtATime(parts.database, group.plan.group, work)
  }

  const answer =
    (type: 'approved' | 'rejected') =>
    async (id: string, request: ControlRequest, caller: Caller): Promise<Operation> => {
      const run = await runOf(id)
      const step = refuseAnswer(run, request, caller, type, group.clock())
      if (request.dryRun) return show(run)
      const reason = request.reason ?? null
      const noted = await runner.note(id, {
        ...{ type, step: step.id, reason },
        by: caller.name,
        id: caller.id,
      })
      // Where somebody else answered at the same instant, the journal has decided.
      const wait = noted.state.steps.find((each) => each.id === step.id)?.wait
      const counted = [...(wait?.approvals ?? []), wait?.rejection].some(
        (each) => each?.id === caller.id,
      )
      if (!counted && wait !== undefined) refuseAnswer(noted, request, caller, type, group.clock())
      await runner.goOn(id)
      return show(noted)
    }

  const startAgain = async (run: Run) => {
    const { epoch, begunBy } = await currentEpoch(group)
    const runs = await runner.list({ group: group.plan.group, limit: 50 })
    const isLeft = (await parts.leftOf([run])).has(run.header.id)
    return againAs(run, { runs, epoch, begunBy, isLeft, now: group.clock() })
  }
  const again = async (run: Run): Promise<Run> => {
    const start = await startAgain(run)
    await parts.gate.clear(`A ${start.runbook} goes on.`)
    return runner.start(start)
  }

  return {
    approve: answer('approved'),
    reject: answer('rejected'),
    retry: (id, request) =>
      inTurn(request, async () => {
        const run = await runOf(id)
        if (!request.dryRun) return show(await again(run))
        await startAgain(run)
        return show(run)
      }),
    skip: async (id, { step, reason, dryRun }, caller) => {
      const run = await runOf(id)
      const skipped = refuseSkip(run, step)
      if (dryRun) return show(run)
      const demand = { step: skipped.id, by: caller.name, reason: given(reason, 'skip') }
      const noted = await runner.note(id, { type: 'skip-requested', ...demand })
      const isNoted = noted.state.steps.some((each) => each.id === step && each.skip !== undefined)
      // It began in between.
      if (!isNoted) refuseSkip(noted, step)
      await runner.goOn(id)
      return show(noted)
    },
    abort: (id, request, caller) =>
      inTurn(request, async () => {
        const { reason, dryRun } = request
        const run = await runOf(id)
        refuseAbort(run, (await currentEpoch(group)).begunBy === id)
        if (dryRun) return show(run)
        const demand = { by: caller.name, reason: given(reason, 'abort') }
        const noted = await runner.note(id, { type: 'abort-requested', ...demand })
        if (noted.state.abort === null) throw pastNoReturn(noted, 'its point of no return')
        if (isEnded(noted.state)) return show(await again(noted))
        await runner.goOn(id)
        return show(noted)
      }),
  }
}

function given(reason: string | undefined, action: ControlAction): string {
  if (reason !== undefined) return reason
  throw new HoldfastError('request.invalid', `Whoever asks to ${action} has to say why.`, {
    hint: 'Add a reason; it is written into the journal and the report.',
  })
}

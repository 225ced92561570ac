import { randomUUID } from 'node:crypto'
import type { OperationType, StartOperation } from '../api/contract.ts'
import type { DetectionState, MemberState } from '../detection/detector.ts'
import { evidence, isDoubted } from '../detection/verdict.ts'
import { HoldfastError } from '../model/errors.ts'
import type { JsonObject } from '../model/json.ts'
import type { ContinuityPlan } from '../plan/continuity-plan.ts'
import type { Run } from '../runbook/journal.ts'
import { canBeginAgain, isEnded } from '../runbook/run-state.ts'
import type { StartRun } from '../runbook/runner.ts'
import type { Course } from './course.ts'
import type { ProcedureInput } from './procedures.ts'

/** What is known when somebody asks for an operation. Deciding is pure (D7). */
export interface Asked {
  readonly type: OperationType
  readonly request: StartOperation
  readonly course: Course
  /** Id of the run that began the epoch; null for the first. */
  readonly begunBy: string | null
  /** Runs of the group, newest first. */
  readonly runs: readonly Run[]
  /** Ids of those that dead processes left: they are not over, and nobody performs them. */
  readonly left?: ReadonlySet<string>
  readonly detection: DetectionState
  /** Where the plan file starts: its primary. */
  readonly home: string
  /** Objects in conflict in the direction that replication goes. Default: none. */
  readonly conflicts?: number
  /** The plan's own steps in each runbook. */
  readonly runbooks?: ContinuityPlan['runbooks']
  readonly now: Date
  /** Name of the caller. */
  readonly by: string
  /** Of the caller; default: the name. */
  readonly byId?: string
}

/**
 * The run that an operation is. A failover has the id of the epoch it begins, so that two people (or
 * two controllers) who ask for it at once ask for the same one; one that did not complete is gone on
 * with. Throws `epoch.changed`, `operation.busy`, `failover.source-answers`,
 * `failover.target-silent`,
 * `group.not-protected`, `failback.at-home`, `reprotect.not-needed`, `reprotect.move-unfinished` (operator).
 */
export function runFor(asked: Asked): StartRun {
  const { type, request, course } = asked
  const { expectedEpoch } = request
  if (expectedEpoch !== undefined && expectedEpoch !== course.epoch) {
    throw new HoldfastError(
      'epoch.changed',
      `The group is in epoch ${course.epoch} now, not in epoch ${expectedEpoch}.`,
      { kind: 'operator', hint: 'Look at `holdfast status`, then decide again.' },
    )
  }
  const left = leftAlike(asked)
  if (left !== undefined) return againOf(left)
  refuseBusy(asked)
  switch (type) {
    case 'sync':
      refuseUnprotected(course)
      return syncRun(asked)
    case 'verify':
      refuseUnprotected(course)
      return verifyRun(asked)
    case 'failover':
      return failoverRun(asked)
    case 'switchover':
    case 'failback':
      return switchoverRun(asked)
    case 'reprotect':
      return reprotectRun(asked)
    case 'drill':
      refuseUnprotected(course)
      return newRun(asked, `drill-${randomUUID()}`)
    default:
      return type satisfies never
  }
}

/** Syncs and drills give way to a failover: nobody waits for them at three in the morning. */
export function runsInTheWay({ type, runs }: Pick<Asked, 'type' | 'runs'>): readonly Run[] {
  if (type !== 'failover') return []
  return runs.filter(({ header, state }) => givesWay.has(header.runbook) && !isEnded(state))
}

const givesWay = new Set<string>(['sync', 'verify', 'drill'])
/** Protection goes on beside a drill, so these do not meet. */
const goTogether = (a: string, b: string): boolean =>
  a !== b && [a, b].includes('drill') && givesWay.has(a) && givesWay.has(b)

function refuseBusy({ type, runs, course, begunBy, left }: Asked): void {
  const open = runs.find(
    ({ header: { runbook }, state }) =>
      !isEnded(state) &&
      !goTogether(type, runbook) &&
      !(type === 'failover' && givesWay.has(runbook)),
  )
  if (open === undefined) return
  const { runbook, id } = open.header
  // Asking twice for the same procedure is asking once.
  const isSame = [moveId(type, course), reprotectId(course)].some((base) => isTryOf(base, id))
  if (type === runbook && (id === begunBy || isSame)) return
  throw new HoldfastError('operation.busy', `${runbook} ${id} is under way.`, {
    kind: 'operator',
    hint: left?.has(id)
      ? `Nobody performs it: go on with it (holdfast retry ${id}), or start \`holdfast controller\`.`
      : 'Watch it with `holdfast status --watch`; cancel it there or wait.',
  })
}

/** Of a procedure that moves the group into the next epoch. */
const moveId = (type: OperationType, { direction, epoch }: Course) =>
  `${type}-${direction.group}-e${epoch + 1}`
/** The first try has the bare id, later ones a number behind it. */
const isTryOf = (base: string, id: string) => id === base || id.startsWith(`${base}-`)
const nextTry = (base: string, earlier: number) => (earlier === 0 ? base : `${base}-${earlier + 1}`)
const reprotectId = ({ direction, epoch }: Course) => `reprotect-${direction.group}-e${epoch}`

function failoverRun(asked: Asked): StartRun {
  const { course, request, detection } = asked
  const unfinished = unfinishedMove(asked)
  if (unfinished !== undefined) return againOf(unfinished)
  if (detection.members[course.secondary]?.health === 'unreachable') {
    throw new HoldfastError(
      'failover.target-silent',
      `${course.secondary} does not answer on any plane; a failover to it would move the group to nowhere.`,
      {
        kind: 'operator',
        place: course.secondary,
        hint: `Do nothing in the regions; wait until ${course.secondary} answers, and watch it with \`holdfast status --watch\`.`,
      },
    )
  }
  const source = detection.members[course.primary]
  if (source?.health === 'healthy' && !request.force) throw sourceAnswers(course.primary, source)
  const base = moveId('failover', course)
  const earlier = asked.runs.filter(({ header }) => isTryOf(base, header.id)).length
  return { ...newRun(asked, nextTry(base, earlier)), failed: 'source' }
}

function sourceAnswers(name: string, member: MemberState): HoldfastError {
  const [sentence, hint] = isDoubted(member)
    ? [
        `${evidence(name, member)} It may be a moment only; failing over now could lose what was written since the last pass.`,
        'Watch it with `holdfast status --watch` and repeat this when it counts as down. If you know better than the probes, repeat it with --force.',
      ]
    : [
        `${name} answers on every plane; failing over now could lose what was written since the last pass.`,
        'Look at `holdfast status`: the group may have moved already. If you know better than the probes, repeat it with --force.',
      ]
  return new HoldfastError('failover.source-answers', sentence, {
    ...{ kind: 'operator', place: name, hint },
  })
}

/** The same pass or drill, left by a dead process: asking again is going on with it, as with a move. */
function leftAlike(asked: Asked): Run | undefined {
  const { type, runs, left, course } = asked
  if (!givesWay.has(type)) return undefined
  const wish = wishOf(type === 'sync' ? syncRun(asked) : verifyRun(asked))
  return runs.find(
    ({ header }) =>
      header.runbook === type &&
      left?.has(header.id) &&
      (header.input as ProcedureInput).epoch === course.epoch &&
      (type === 'drill' || wishOf(header) === wish),
  )
}

function wishOf({ input }: Pick<StartRun, 'input'>): string {
  const { full, planDigest, verify } = input as ProcedureInput
  return JSON.stringify([full, planDigest, verify])
}

function syncRun(asked: Asked): StartRun {
  const run = newRun(asked, `sync-${randomUUID()}`)
  const { full = false, planDigest } = asked.request
  const wanted = { full, ...(planDigest === undefined ? {} : { planDigest }) }
  return { ...run, input: { ...(run.input as ProcedureInput), ...wanted } }
}

function verifyRun(asked: Asked): StartRun {
  const { share = 1, kind } = asked.request.verify ?? {}
  const run = newRun(asked, `verify-${randomUUID()}`)
  const verify = { share, ...(kind === undefined ? {} : { kind }) }
  return { ...run, input: { ...(run.input as ProcedureInput), verify } }
}

function switchoverRun(asked: Asked): StartRun {
  const { type, course, home } = asked
  const unfinished = unfinishedMove(asked)
  if (unfinished !== undefined) return againOf(unfinished)
  refuseUnprotected(course)
  if (type === 'failback' && course.secondary !== home) {
    throw new HoldfastError(
      'failback.at-home',
      `The group is at home: the plan starts in ${course.primary}, and ${course.primary} leads.`,
      {
        kind: 'operator',
        hint: 'To move away on purpose, run `holdfast switchover`.',
      },
    )
  }
  const base = moveId(type, course)
  // One that was aborted has moved nothing and is over.
  const earlier = asked.runs.filter(({ header }) => isTryOf(base, header.id)).length
  return newRun(asked, nextTry(base, earlier))
}

/**
 * A move that began the epoch and then failed has left the group half moved: whatever is asked for
 * next, it is finished first. A planned one that failed before that has stopped jobs already and is
 * gone on with by its own kind. A failover that failed before has done nothing, and what it decided
 * about jobs grows old: it is begun anew.
 */
function unfinishedMove({ type, runs, begunBy, course }: Asked): Run | undefined {
  return runs.find(({ header, state }) => {
    if (header.id === begunBy) return !isEnded(state) || canBeginAgain(state)
    if (!isTryOf(moveId(type, course), header.id)) return false
    return !isEnded(state) || (type !== 'failover' && canBeginAgain(state))
  })
}

function reprotectRun(asked: Asked): StartRun {
  const { runs, course } = asked
  refuseHalfMoved(asked)
  const base = reprotectId(course)
  const earlier = runs.filter(({ header }) => isTryOf(base, header.id))
  const last = earlier[0]
  if (last !== undefined && (!isEnded(last.state) || canBeginAgain(last.state))) {
    return againOf(last)
  }
  // A job that nobody moved goes on at the old primary, and writes more than was brought over (I7).
  const isOver =
    course.replicates &&
    course.isSalvaged &&
    (asked.conflicts ?? 0) === 0 &&
    (last === undefined || isComplete(last))
  if (course.epoch === 1 || isOver) {
    throw new HoldfastError(
      'reprotect.not-needed',
      `${course.primary} is protected by ${course.secondary} already.`,
      { kind: 'operator', hint: 'Re-protection follows a failover. Look at `holdfast status`.' },
    )
  }
  return newRun(asked, nextTry(base, earlier.length))
}

/** Clients may still be led to the old primary: what they write there after its salvage is lost (I7). */
function refuseHalfMoved(asked: Asked): void {
  const move = unfinishedMove(asked)?.header
  if (move === undefined) return
  throw new HoldfastError(
    'reprotect.move-unfinished',
    `${move.runbook} ${move.id} has not led everybody to ${asked.course.primary} yet.`,
    { kind: 'operator', hint: `Finish it first: holdfast ${move.runbook}` },
  )
}

function isComplete(run: Run | undefined): boolean {
  return run?.state.status === 'done' && run.state.outcome === 'complete'
}

function refuseUnprotected({ replicates, primary, secondary }: Course): void {
  if (replicates) return
  throw new HoldfastError(
    'group.not-protected',
    `${primary} is not protected since the failover: what only ${secondary} has would be met as a stranger's.`,
    { kind: 'operator', hint: 'Bring the old primary back and run `holdfast reprotect` first.' },
  )
}

function newRun(asked: Asked, id: string): StartRun {
  const { type, course, detection, now, by, byId = by } = asked
  const member = detection.members[course.primary]
  const input: ProcedureInput = {
    epoch: course.epoch,
    primary: course.primary,
    secondary: course.secondary,
    decidedAt: now.toISOString(),
    by,
    ...(member?.health === 'unreachable' ? outageOf(member) : { detectedAt: null }),
    ...ownSteps(asked),
  }
  const group = course.direction.group
  return { id, runbook: type, group, input, askedBy: { id: byId, name: by } }
}

/** It is measured from the first probe without an answer, which no later process may move. */
function outageOf({ since, contact }: MemberState): Pick<ProcedureInput, 'detectedAt' | 'outage'> {
  const { silentSince, whole, answeredAt } = contact ?? {}
  if (silentSince == null) return { detectedAt: since }
  const outage = { isWhole: whole === true, answeredAt: answeredAt ?? null }
  return { detectedAt: silentSince, outage }
}

/** A run keeps the steps it began with, whatever becomes of the plan. */
function ownSteps({ type, runbooks }: Asked): Pick<ProcedureInput, 'userSteps'> {
  const own = runbooks?.[type as keyof typeof runbooks] ?? []
  return own.length === 0 ? {} : { userSteps: own as unknown as readonly JsonObject[] }
}

export function againOf({ header }: Run): StartRun {
  const { id, runbook, group, input } = header
  return { id, runbook, group, input, ...(runbook === 'failover' ? { failed: 'source' } : {}) }
}

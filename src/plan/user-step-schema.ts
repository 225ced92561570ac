import { z } from 'zod'
import type { Json } from '../model/json.ts'
import { address, checked, duration, name, variable } from './plan-fields.ts'
import { type ExtensibleRunbook, extensibleRunbooks, runbookAnchors } from './runbook-anchors.ts'

/** A step of the plan's own in a runbook; plain data, so that a run keeps the steps it began with. */
export interface UserStep {
  readonly id: string
  readonly place: 'before' | 'after'
  readonly anchor: string
  readonly action: UserAction
  readonly timeoutMs: number
  /** How often it is repeated when it failed for a passing reason. */
  readonly retries: number
  readonly skippable: boolean
  /** Done when the run is aborted after the step began. */
  readonly undo: UserEffect | null
}

export type UserAction = UserEffect | PeopleAction

export type UserEffect =
  | {
      readonly type: 'http'
      readonly url: string
      readonly method: string
      /** Null: what Holdfast says of the step. */
      readonly body: Json
      /** Empty: any status from 200 to 299. */
      readonly expect: readonly number[]
      /** Environment variable with a bearer token. */
      readonly token: string | null
    }
  | {
      readonly type: 'command'
      readonly argv: readonly string[]
      /** Environment variables of the controller that it gets besides the usual ones. */
      readonly env: readonly string[]
    }

export interface PeopleAction {
  readonly type: 'people'
  readonly reason: string
  readonly people: number
  readonly role: Role
  readonly expiresMs: number
  readonly askerCounts: boolean
}

export const roles = ['operator', 'approver', 'admin'] as const
export type Role = (typeof roles)[number]

/** What stands between `{{` and `}}`. */
export const placeholders = ['group', 'runbook', 'run', 'step', 'epoch', 'from', 'to'] as const

const id = checked(
  'bad-name',
  'Use lower-case letters, digits and hyphens, at most 64.',
  (text) => /^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/.test(text),
  (text) => `'${text}' cannot name a step.`,
)

const status = z.int().min(100).max(599)
const http = z.strictObject({
  url: address,
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST'),
  body: z.json().optional(),
  expect: z.union([status, z.array(status)]).optional(),
  token: variable.optional(),
})
const command = z.array(name).min(1)
const env = z.array(variable).default([])

/** Who has to agree; the same words as for a whole runbook (`decide.approval`). */
const approvalFields = {
  people: z.int().min(1).max(10).default(1),
  role: z.enum(roles).default('approver'),
  expires: duration(1).default(30 * 60_000),
  asker: z.enum(['excluded', 'counts']).default('excluded'),
}
const approval = z.strictObject({ ...approvalFields, reason: name.optional() })
export const runApproval = z.strictObject({
  ...approvalFields,
  for: z
    .array(z.enum(extensibleRunbooks as [ExtensibleRunbook, ...ExtensibleRunbook[]]))
    .default(['failover', 'switchover', 'failback']),
})

const undos = {
  http: z.strictObject({ http }),
  command: z.strictObject({ command, env }),
}
/** That one of `before` and `after` is there and names a step is checked in `user-step-checks.ts`. */
const placed = { id: id.optional(), before: name.optional(), after: name.optional() }
const acting = {
  retries: z.int().min(0).max(10).default(2),
  skippable: z.boolean().default(true),
  undo: z.union([undos.http, undos.command]).optional(),
}
const branches = {
  http: z.strictObject({ ...placed, http, timeout: duration(1).default(30_000), ...acting }),
  command: z.strictObject({
    ...{ ...placed, command, env },
    timeout: duration(1).default(5 * 60_000),
    ...acting,
  }),
  wait: z.strictObject({
    ...{ ...placed, wait: name },
    role: z.enum(roles).default('operator'),
    expires: duration(1).default(24 * 3_600_000),
    skippable: z.boolean().default(true),
  }),
  approval: z.strictObject({ ...placed, approval }),
}
type Branch = keyof typeof branches
const branchNames = Object.keys(branches) as Branch[]
type StepDocument = { [K in Branch]: z.output<(typeof branches)[K]> }[Branch]
type ApprovalDocument = Omit<z.output<typeof approval>, 'reason'> & {
  readonly reason?: string | undefined
}

export const userSteps = z.array(z.union(Object.values(branches)))
export const runbooksSection = z.strictObject(
  Object.fromEntries(extensibleRunbooks.map((each) => [each, userSteps.default([])])) as {
    [K in ExtensibleRunbook]: z.ZodDefault<typeof userSteps>
  },
)

function branchOf(step: unknown): Branch | undefined {
  if (typeof step !== 'object' || step === null) return undefined
  return branchNames.find((each) => Object.hasOwn(step, each))
}

/** Place of the branch whose mistakes count, at a path below `runbooks`. */
export function meantStep(path: readonly (string | number)[], value: unknown): number {
  if (path.at(-1) === 'expect') return Array.isArray(value) ? 1 : 0
  if (path.at(-1) === 'undo') return branchOf(value) === 'command' ? 1 : 0
  return branchNames.indexOf(branchOf(value) ?? 'http')
}

/** The keys that may stand at a path below `runbooks`, for suggestions. */
export function keysOfStep(path: readonly (string | number)[], value: unknown): readonly string[] {
  const last = path.at(-1)
  if (last === 'http') return Object.keys(http.shape)
  if (last === 'approval') return Object.keys(approval.shape)
  if (last === 'undo') return Object.keys(undos)
  if (path.length === 0) return extensibleRunbooks
  const branch = branchOf(value)
  return branch === undefined ? [...branchNames, ...Object.keys(placed)] : keysOfBranch(branch)
}

const keysOfBranch = (branch: Branch): string[] => Object.keys(branches[branch].shape)

/** The id of a step that gives none: what it does and where it stands, so that order is no part of it. */
export function idOfStep(step: unknown): string | undefined {
  const branch = branchOf(step)
  if (branch === undefined) return undefined
  const { id, before, after } = step as Record<string, unknown>
  if (typeof id === 'string') return id
  const anchor = before ?? after
  if (typeof anchor !== 'string') return undefined
  return `${branch}-${before === undefined ? 'after' : 'before'}-${anchor}`
}

export function toUserStep(document: StepDocument): UserStep {
  const { before, after = '' } = document
  const placedAt = {
    id: idOfStep(document) ?? '',
    place: before === undefined ? ('after' as const) : ('before' as const),
    anchor: before ?? after,
  }
  if ('approval' in document) {
    return { ...placedAt, ...asked(toApproval(document.approval)), skippable: false }
  }
  if ('wait' in document) {
    const { wait: reason, role, expires, skippable } = document
    const terms = { reason, role, people: 1, askerCounts: true, expiresMs: expires }
    return { ...placedAt, ...asked({ type: 'people', ...terms }), skippable }
  }
  const { timeout: timeoutMs, retries, skippable, undo } = document
  const limits = { timeoutMs, retries, skippable }
  const undone = undo === undefined ? null : toEffect(undo)
  return { ...placedAt, action: toEffect(document), ...limits, undo: undone }
}

/** `decide.approval`: the first step of each runbook it is for. */
export function approvalStep(runbook: ExtensibleRunbook, document: ApprovalDocument): UserStep {
  return {
    ...{ id: 'approval', place: 'before', anchor: runbookAnchors[runbook][0] ?? '' },
    ...asked(toApproval(document)),
    skippable: false,
  }
}

const asked = (action: PeopleAction) => ({ action, timeoutMs: 0, retries: 0, undo: null })

function toApproval({ people, role, expires, asker, reason }: ApprovalDocument): PeopleAction {
  return {
    type: 'people',
    reason: reason ?? `The plan wants ${people === 1 ? 'an approval' : `${people} approvals`}.`,
    ...{ people, role, expiresMs: expires, askerCounts: asker === 'counts' },
  }
}

type EffectDocument = z.output<(typeof undos)['http']> | z.output<(typeof undos)['command']>

function toEffect(document: EffectDocument): UserEffect {
  if ('command' in document) return { type: 'command', argv: document.command, env: document.env }
  const { url, method, body = null, expect = [], token = null } = document.http
  return { type: 'http', url, method, body, expect: [expect].flat(), token }
}

import { readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { replicationPlan } from '../api/contract.ts'
import { planDifferences, planDigest } from '../api/plan-digest.ts'
import { HoldfastError } from '../model/errors.ts'

/** A plan as it is reviewed and applied later. It holds no secret (I9). */
const savedPlan = z.object({
  format: z.literal('holdfast-plan/1'),
  full: z.boolean(),
  epoch: z.number(),
  /** Over the actions: a file that was edited is not what was planned. */
  digest: z.string(),
  plan: replicationPlan,
})

export type SavedPlan = z.infer<typeof savedPlan>

export function savePlan(file: string, saved: Omit<SavedPlan, 'format' | 'digest'>): SavedPlan {
  const whole: SavedPlan = {
    format: 'holdfast-plan/1',
    ...saved,
    digest: planDigest(saved.plan.actions),
  }
  try {
    writeFileSync(file, `${JSON.stringify(whole, null, 2)}\n`)
  } catch (cause) {
    throw new HoldfastError('usage.plan-file', `The plan cannot be written to ${file}.`, {
      ...{ kind: 'operator', place: file, hint: 'Name a file in a folder that exists.', cause },
    })
  }
  return whole
}

export function readSavedPlan(file: string): SavedPlan {
  let raw: unknown
  try {
    raw = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw unusable(file, 'cannot be read', cause)
  }
  const read = savedPlan.safeParse(raw)
  if (!read.success) throw unusable(file, 'is no saved plan', read.error)
  if (planDigest(read.data.plan.actions) !== read.data.digest)
    throw unusable(file, 'was changed after it was made')
  return read.data
}

function unusable(file: string, what: string, cause?: unknown): HoldfastError {
  return new HoldfastError('usage.plan-file', `${file} ${what}.`, {
    ...{ kind: 'operator', place: file, hint: 'Make one: holdfast plan --out FILE' },
    ...(cause === undefined ? {} : { cause }),
  })
}

const mostNamed = 20

/** Refuses a plan that is not what would be done now, naming the differences. */
export function refuseChanged(saved: SavedPlan, now: SavedPlan['plan']): void {
  const differences = planDifferences(saved.plan.actions, now.actions)
  const isOtherWay = saved.plan.from !== now.from || saved.plan.group !== now.group
  if (differences.length === 0 && !isOtherWay) return
  const named = differences
    .slice(0, mostNamed)
    .map(
      ({ object, before, after }) => `  ${object}: ${before ?? 'nothing'} -> ${after ?? 'nothing'}`,
    )
  const rest = differences.length - named.length
  const what = isOtherWay
    ? `it leads from ${saved.plan.from} to ${saved.plan.to}, and the group goes from ${now.from} to ${now.to}`
    : `${differences.length} actions differ`
  const lines = [`The world does not match the plan any more: ${what}.`, ...named]
  throw new HoldfastError(
    'plan.changed',
    [...lines, ...(rest > 0 ? [`  and ${rest} more`] : [])].join('\n'),
    { kind: 'operator', hint: 'Make and review a new one: holdfast plan --out FILE' },
  )
}

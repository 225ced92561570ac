import type { Side, SidesVerdict } from '../api/detail-contract.ts'
import { isHoldfastError } from '../model/errors.ts'
import type { SidesMove } from '../replication/compare-sides.ts'
import { nameMapFrom } from '../replication/pass-state.ts'
import type { Workspace } from '../workspace/workspace.ts'
import type { Course } from './course.ts'
import { memberOf } from './members.ts'
import { courseNow, type ProtectedGroup } from './protected-group.ts'

/** Somebody waits for the page; a region that is gone must not keep it from saying so. */
const readLimitMs = 10_000

export interface Reading<T> {
  readonly member: string
  readonly value: T | undefined
  readonly error: { readonly code: string; readonly message: string } | null
}

/** Both sides of the way the group goes now. A side that cannot be read is a finding, not a failure. */
export async function readBoth<T>(
  group: ProtectedGroup,
  read: (workspace: Workspace, signal: AbortSignal, course: Course) => Promise<T | undefined>,
): Promise<{
  readonly course: Course
  readonly source: Reading<T>
  readonly target: Reading<T>
}> {
  const course = await courseNow(group)
  const one = async (member: string): Promise<Reading<T>> => {
    try {
      const signal = AbortSignal.timeout(readLimitMs)
      const value = await read(memberOf(group.members, member).impatient, signal, course)
      return { member, value, error: null }
    } catch (error) {
      return { member, value: undefined, error: refusalOf(error) }
    }
  }
  const [source, target] = await Promise.all([one(course.primary), one(course.secondary)])
  return { course, source, target }
}

export function refusalOf(error: unknown): { code: string; message: string } {
  const code = isHoldfastError(error) ? error.code : 'internal.unexpected'
  return { code, message: error instanceof Error ? error.message : String(error) }
}

/** Where both sides are, for relocating; undefined when one does not say. */
export async function moveBetween(
  group: ProtectedGroup,
  { primary, secondary }: Course,
): Promise<SidesMove> {
  const place = (name: string) =>
    memberOf(group.members, name).impatient.describe({ signal: AbortSignal.timeout(readLimitMs) })
  const [from, to] = await Promise.all([place(primary), place(secondary)])
  return { from, to, map: nameMapFrom(group.plan, primary) }
}

export function sideOf<T>(
  { member, value, error }: Reading<T>,
  modifiedAt: (value: T) => string | undefined,
): Side {
  return {
    member,
    state: error !== null ? 'unreadable' : value === undefined ? 'absent' : 'present',
    error,
    modifiedAt: value === undefined ? null : (modifiedAt(value) ?? null),
  }
}

/** `equal` is only what was read from both sides now (I4, I8). */
export function verdictOf(source: Side, target: Side, isEqual: () => boolean): SidesVerdict {
  if (source.state === 'unreadable' || target.state === 'unreadable') return 'unknown'
  if (source.state === 'absent' || target.state === 'absent') return 'missing'
  return isEqual() ? 'equal' : 'different'
}

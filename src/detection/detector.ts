import type { Plane, ProbeResult } from '../workspace/workspace.ts'
import { type Contact, contactAfter } from './contact.ts'

/**
 * Judges probe results, purely (design D7): time and observations come in, state comes out.
 *
 * ```
 *            all planes up, `toUp` times          some plane down
 *   unknown ───────────────────────────► healthy ◄──────────────► degraded
 *      │                                    │                        │
 *      └────────► unreachable ◄─────────────┴────────────────────────┘
 *                 no answer from any plane, `toDown` times in a row
 * ```
 *
 * A plane changes its mind only after that many results in a row, so one lost packet moves nothing
 * and a flapping plane stays what it was. One answer is enough to leave `unreachable`, because nobody
 * should fail over from a member that is just coming back.
 */
export interface DetectionThresholds {
  /** Consecutive failures until a plane counts as down. */
  readonly toDown: number
  /** Consecutive successes until a plane that was down counts as up again. */
  readonly toUp: number
  /** Default: `unbrokenForMs`. */
  readonly unbrokenMs?: number
}

export const defaultThresholds: DetectionThresholds = { toDown: 3, toUp: 2 }

export type Health = 'unknown' | 'healthy' | 'degraded' | 'unreachable'

export interface PlaneState {
  /** Confirmed by enough results in a row; undefined before that. */
  readonly up: boolean | undefined
  readonly failuresInRow: number
  /** Failures without any answer; a refusal is one. */
  readonly silencesInRow: number
  readonly successesInRow: number
  readonly last: ProbeResult
}

export interface MemberState {
  readonly health: Health
  /** ISO 8601 UTC, when `health` last changed. */
  readonly since: string
  readonly planes: Readonly<Partial<Record<Plane, PlaneState>>>
  /** Absent before the first round. */
  readonly contact?: Contact
}

export interface DetectionState {
  readonly members: Readonly<Record<string, MemberState>>
}

/** Results of one round, by member. A member without results keeps its state. */
export type ProbeResults = Readonly<Record<string, readonly ProbeResult[]>>

/** `heard`: of former processes. Whether a member is silent now, this one finds out by itself. */
export function startOfDetection(
  members: readonly string[],
  at: Date,
  heard: Readonly<Record<string, Contact>> = {},
): DetectionState {
  const start = (contact: Contact | undefined): MemberState => ({
    ...{ health: 'unknown', since: at.toISOString(), planes: {} },
    ...(contact && { contact }),
  })
  return { members: Object.fromEntries(members.map((name) => [name, start(heard[name])])) }
}

export function observe(
  state: DetectionState,
  results: ProbeResults,
  at: Date,
  thresholds: DetectionThresholds = defaultThresholds,
): DetectionState {
  const members = Object.entries(state.members).map(([name, member]) => [
    name,
    observeMember(member, results[name] ?? [], at, thresholds),
  ])
  return { members: Object.fromEntries(members) }
}

function observeMember(
  member: MemberState,
  results: readonly ProbeResult[],
  at: Date,
  thresholds: DetectionThresholds,
): MemberState {
  const planes = { ...member.planes }
  for (const result of results) {
    planes[result.plane] = observePlane(planes[result.plane], result, thresholds)
  }
  const health = healthOf(planes, member.health, thresholds)
  const contact = contactAfter(member.contact, results, thresholds.unbrokenMs)
  return {
    ...{ health, planes, since: health === member.health ? member.since : at.toISOString() },
    ...(contact && { contact }),
  }
}

function observePlane(
  before: PlaneState | undefined,
  result: ProbeResult,
  { toDown, toUp }: DetectionThresholds,
): PlaneState {
  const failuresInRow = result.healthy ? 0 : (before?.failuresInRow ?? 0) + 1
  const answered = result.healthy || result.refused === true
  const silencesInRow = answered ? 0 : (before?.silencesInRow ?? 0) + 1
  const successesInRow = result.healthy ? (before?.successesInRow ?? 0) + 1 : 0
  // The first success is believed at once: there is no outage yet whose end it could fake.
  const enough = result.healthy
    ? before?.up === undefined || successesInRow >= toUp
    : failuresInRow >= toDown
  return {
    up: enough ? result.healthy : before?.up,
    failuresInRow,
    silencesInRow,
    successesInRow,
    last: result,
  }
}

function healthOf(
  planes: MemberState['planes'],
  before: Health,
  { toDown }: DetectionThresholds,
): Health {
  const known = Object.values(planes)
  const decided = known.filter((plane) => plane.up !== undefined)
  if (decided.length < known.length || known.length === 0) return before
  const down = decided.filter((plane) => plane.up === false)
  if (down.length === 0) return 'healthy'
  // Any answer shows that it is there: also a refusal, also one among many that are missing.
  const isSilent = down.length === decided.length && down.every((p) => p.silencesInRow >= toDown)
  return isSilent && planes.arm !== undefined ? 'unreachable' : 'degraded'
}

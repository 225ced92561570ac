import { silenceText } from './contact.ts'
import {
  type DetectionState,
  defaultThresholds,
  type Health,
  type MemberState,
  type PlaneState,
} from './detector.ts'

/** What the observations mean for the group, and one sentence of evidence for operators. */
export interface Verdict {
  readonly code:
    | 'unknown'
    | 'all-well'
    | 'primary-down'
    | 'primary-degraded'
    | 'secondary-down'
    | 'secondary-degraded'
    | 'cut-off'
  readonly recommendation: 'none' | 'failover' | 'wait'
  readonly sentence: string
}

/** A member's health with the sentence that proves it. */
export interface JudgedHealth {
  readonly health: Health
  readonly evidence: string
  /** Of a member that is healthy: its newest probes failed, too few to count. */
  readonly isDoubted?: boolean
}

export function judge(state: DetectionState, effectivePrimary: string): Verdict {
  const healths = Object.entries(state.members).map(([name, member]) => [
    name,
    {
      ...{ health: member.health, evidence: evidence(name, member) },
      isDoubted: isDoubted(member),
    },
  ])
  return judgeHealths(Object.fromEntries(healths), effectivePrimary)
}

export function judgeHealths(
  members: Readonly<Record<string, JudgedHealth>>,
  effectivePrimary: string,
): Verdict {
  const primary = members[effectivePrimary]
  const others = Object.entries(members).filter(([name]) => name !== effectivePrimary)
  if (!primary || primary.health === 'unknown') {
    return verdict('unknown', 'wait', `'${effectivePrimary}' has not been probed often enough yet.`)
  }
  const allOut = [primary, ...others.map(([, member]) => member)].every(isOut)
  if (allOut) {
    return verdict(
      'cut-off',
      'wait',
      `No member answers from here, so the fault is more likely on this side than in every region at once. ${primary.evidence}`,
    )
  }
  if (isOut(primary)) {
    const ready = others.filter(([, member]) => member.health === 'healthy').map(([name]) => name)
    return ready.length > 0
      ? verdict('primary-down', 'failover', `${primary.evidence} '${ready[0]}' is healthy.`)
      : verdict(
          'primary-down',
          'wait',
          `${primary.evidence} No other member is healthy enough to take over.`,
        )
  }
  if (primary.health === 'degraded') return verdict('primary-degraded', 'wait', primary.evidence)
  const sick = others.find(([, member]) => member.health !== 'healthy')
  if (!sick) return verdict('all-well', 'none', allWellSentence(Object.values(members)))
  const [name, member] = sick
  if (member.health === 'unknown') {
    return verdict('unknown', 'wait', `'${name}' has not been probed often enough yet.`)
  }
  return verdict(isOut(member) ? 'secondary-down' : 'secondary-degraded', 'none', member.evidence)
}

function verdict(
  code: Verdict['code'],
  recommendation: Verdict['recommendation'],
  sentence: string,
): Verdict {
  return { code, recommendation, sentence }
}

const isOut = (member: JudgedHealth) => member.health === 'unreachable'

function allWellSentence(members: readonly JudgedHealth[]): string {
  const doubts = members.filter((member) => member.isDoubted).map((member) => member.evidence)
  return doubts.length > 0 ? doubts.join(' ') : 'Every plane of every member answers.'
}

/** Whether a plane that counts as up did not answer when it was asked last (I8). */
export function isDoubted({ health, planes }: MemberState): boolean {
  return health === 'healthy' && Object.values(planes).some(isFailing)
}

const isFailing = (plane: PlaneState): boolean => plane.failuresInRow > 0
type Named = readonly (readonly [string, PlaneState])[]

/** Which planes do not answer, since when, and the newest reason. */
export function evidence(name: string, member: MemberState): string {
  const planes = Object.entries(member.planes)
  const failing = planes.filter(([, plane]) => isFailing(plane))
  const down = failing.filter(([, plane]) => plane.up === false)
  if (down.length > 0) {
    const places = placesOf(down, planes.length, 'any plane')
    return `'${name}' ${howText(down)} on ${places} ${timesText(member, down)}${reasonText(down)}.`
  }
  if (failing.length > 0) {
    const times = failuresOf(failing)
    const probes = times === 1 ? 'the last probe' : `the last ${times} probes`
    const places = placesOf(failing, planes.length, 'any plane')
    return `'${name}' ${howText(failing)} in ${probes} on ${places}${reasonText(failing)}; it counts as down after ${defaultThresholds.toDown}.`
  }
  const returning = planes.filter(([, plane]) => plane.up === false)
  if (returning.length === 0) return `'${name}' answers on every plane.`
  const answers = Math.min(...returning.map(([, plane]) => plane.successesInRow))
  const places = placesOf(returning, planes.length, 'every plane')
  return `'${name}' answers again on ${places}; it counts as healthy after ${defaultThresholds.toUp} answers in a row (${answers} so far).`
}

function timesText({ health, contact, since }: MemberState, down: Named): string {
  return health === 'unreachable' && contact !== undefined
    ? silenceText(contact)
    : `${failuresOf(down)} times in a row since ${since}`
}

const howText = (planes: Named): string =>
  planes.some(([, plane]) => plane.last.refused) ? 'has refused us' : 'has not answered'

const placesOf = (planes: Named, all: number, whole: string): string =>
  planes.length === all ? whole : planes.map(([plane]) => plane).join(', ')

const failuresOf = (planes: Named): number =>
  Math.min(...planes.map(([, plane]) => plane.failuresInRow))

function reasonText(planes: Named): string {
  const reason = planes.find(([, plane]) => plane.last.reason !== undefined)?.[1].last.reason
  return reason === undefined ? '' : ` (${reason})`
}

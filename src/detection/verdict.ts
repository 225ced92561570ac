import { silenceText } from './contact.ts'
import type { DetectionState, Health, MemberState } from './detector.ts'

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
}

export function judge(state: DetectionState, effectivePrimary: string): Verdict {
  const healths = Object.entries(state.members).map(([name, member]) => [
    name,
    { health: member.health, evidence: evidence(name, member) },
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
  if (!sick) return verdict('all-well', 'none', 'Every plane of every member answers.')
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

/** Which planes are down, since when, and the newest reason. */
export function evidence(name: string, member: MemberState): string {
  const down = Object.entries(member.planes).filter(([, plane]) => plane.up === false)
  if (down.length === 0) return `'${name}' answers on every plane.`
  const all = down.length === Object.keys(member.planes).length
  const planes = all ? 'any plane' : down.map(([plane]) => plane).join(', ')
  const failures = Math.min(...down.map(([, plane]) => plane.failuresInRow))
  const reason = down.find(([, plane]) => plane.last.reason !== undefined)?.[1].last.reason
  const how = down.some(([, plane]) => plane.last.refused) ? 'has refused us' : 'has not answered'
  const { contact } = member
  const isSilent = member.health === 'unreachable' && contact !== undefined
  const times = isSilent ? silenceText(contact) : `${failures} times in a row since ${member.since}`
  return `'${name}' ${how} on ${planes} ${times}${reason === undefined ? '' : ` (${reason})`}.`
}

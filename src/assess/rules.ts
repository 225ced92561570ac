import type { Finding } from '../api/contract.ts'
import type { Inventory } from './inventory.ts'
import { machineRules } from './machine-rules.ts'

/** Clocks that are right differ by less, whole seconds of an answer's header included. */
const mostApartMs = 5000

type Rule = (inventory: Inventory) => Finding[]

/** By name, in the order of what stops a failover soonest. Pure; each finding names its evidence. */
export const rules: Readonly<Record<string, Rule>> = {
  'secondary-answers': ({ planes, secondary }) => {
    const silent = planes.filter(({ healthy }) => !healthy)
    return found(silent, {
      level: 'not-ready',
      sentence: `${secondary} does not answer this controller on ${silent.map(({ plane }) => plane).join(', ')}.`,
      evidence: silent.map(({ plane, reason }) => `${plane}: ${reason ?? 'no reason given'}`),
      remedy: 'Repair the region, or give this identity its roles there; then `holdfast status`.',
    })
  },
  'needs-no-failed-region': ({ stepsNeedingPrimary, primary }) =>
    found(stepsNeedingPrimary, {
      level: 'not-ready',
      sentence: `Steps of the failover need ${primary}, which would be gone.`,
      evidence: [...stepsNeedingPrimary],
      remedy: 'Take these steps out of the runbook.',
    }),
  protected: ({ replicates, primary }) =>
    found(replicates ? [] : ['no'], {
      level: 'not-ready',
      sentence: `${primary} is not protected since the last failover.`,
      evidence: ['No pass runs until re-protection.'],
      remedy: 'Bring the other region back and run `holdfast reprotect`.',
    }),
  lag: ({ lagMs, rpoMs }) =>
    found(lagMs !== null && lagMs <= rpoMs ? [] : [lagMs], {
      level: lagMs === null ? 'not-ready' : 'degraded',
      sentence:
        lagMs === null
          ? 'There is no replication point that tells anything: not everything in scope was ever proven, or the point lies in the future.'
          : 'The replication point is older than the RPO allows.',
      evidence: [`lag ${lagMs ?? 'unknown'} ms, RPO ${rpoMs} ms`],
      remedy: 'Run `holdfast sync`, then look at `holdfast objects --only failed`.',
    }),
  clocks: ({ clocks }) => {
    const wrong = clocks.filter(({ aheadMs }) => Math.abs(aheadMs) > mostApartMs)
    return found(wrong, {
      level: 'degraded',
      sentence: 'The clock of the controller and those of members differ.',
      evidence: wrong.map(
        ({ member, aheadMs }) =>
          `${member} is ${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the controller`,
      ),
      remedy: 'Synchronise the clock of the machine that runs the controller (NTP).',
    })
  },
  unproven: ({ counts }) => {
    const open = counts.filter(({ pending, failed, conflict }) => pending + failed + conflict > 0)
    return found(open, {
      level: 'degraded',
      sentence: 'Objects in scope are not proven at the secondary.',
      evidence: open.map(
        ({ kind, pending, failed, conflict }) =>
          `${kind}: ${pending} pending, ${failed} failed, ${conflict} in conflict`,
      ),
      remedy: 'See them with `holdfast objects --only failed`; settle with `holdfast conflicts`.',
    })
  },
  ...machineRules,
  secrets: ({ secrets }) => [
    ...found(
      secrets.filter(({ state }) => state === 'missing' || state === 'unreadable'),
      {
        level: 'not-ready',
        sentence: 'Secrets cannot be read at the secondary.',
        evidence: namesOf(secrets, ['missing', 'unreadable']),
        remedy: 'Give this identity access to them at the secondary; then `holdfast sync`.',
      },
    ),
    ...found(
      secrets.filter(({ state }) => state === 'different'),
      {
        level: 'degraded',
        sentence: 'Secrets differ between the two sides.',
        evidence: namesOf(secrets, ['different']),
        remedy: 'Run `holdfast sync`; clients with the old key would be refused.',
      },
    ),
  ],
  images: ({ images, secondary }) =>
    found(images, {
      level: 'not-ready',
      sentence: `Container images are not in the registry of ${secondary} as they were proven there.`,
      evidence: images.map(({ object, state }) => `${object}: ${state}`),
      remedy: 'Run `holdfast drift` to see who changed what, then `holdfast sync`.',
    }),
  'image-registry': ({ distantRegistry, secondary }) =>
    found(distantRegistry === null ? [] : [distantRegistry], {
      level: 'not-ready',
      sentence: `Both sides use one container registry, which is not in the region of ${secondary}.`,
      evidence: [
        `${distantRegistry?.server} has no replication in ${distantRegistry?.region}; it may be gone with the primary's region.`,
      ],
      remedy:
        'Replicate the registry to that region (`az acr replication create`), or give each workspace its own.',
    }),
  'stable-endpoints': ({ endpoints, primary, epoch }) => {
    const wrong = endpoints.filter(
      (one) => one.error !== null || one.member !== primary || one.epoch !== epoch,
    )
    return found(wrong, {
      level: wrong.some(({ error }) => error !== null) ? 'not-ready' : 'degraded',
      sentence: 'Stable endpoints cannot be read, or do not lead to the primary of this epoch.',
      evidence: wrong.map(
        ({ name, member, epoch: at, error }) =>
          `${name}: ${error ?? `leads to ${member ?? 'nobody'} in epoch ${at ?? 'none'}`}`,
      ),
      remedy: 'Run `holdfast sync`, which leads them; check the credentials of those that fail.',
    })
  },
  'name-conflicts': ({ nameConflicts, secondary }) =>
    found(nameConflicts, {
      level: 'degraded',
      sentence: `Names that a failover needs are taken at ${secondary} by other objects.`,
      evidence: [...nameConflicts],
      remedy: 'Rename or remove those objects at the secondary.',
    }),
  drill: ({ drillOverdue }) =>
    found(drillOverdue ? ['overdue'] : [], {
      level: 'degraded',
      sentence: 'No drill was complete within the time that the plan allows.',
      evidence: ['drill.every of the plan'],
      remedy: 'Run `holdfast drill`.',
    }),
  // Not knowing is not being ready (I8).
  looked: ({ unknown }) =>
    found(unknown, {
      level: 'degraded',
      sentence: 'Not everything could be looked at.',
      evidence: unknown.map(({ what, reason }) => `${what}: ${reason}`),
      remedy: 'Repair what the reasons name, then run `holdfast assess` again.',
    }),
}

function found(reasons: readonly unknown[], finding: Omit<Finding, 'rule'>): Finding[] {
  return reasons.length === 0 ? [] : [{ rule: '', ...finding }]
}

function namesOf(secrets: Inventory['secrets'], states: readonly string[]): string[] {
  return secrets
    .filter(({ state }) => states.includes(state))
    .map(({ object, state, reason }) => `${object}: ${reason ?? state}`)
}

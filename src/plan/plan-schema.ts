import { z } from 'zod'
import { kinds as allKinds, type Kind } from '../model/kinds.ts'
import { parseDrillWindow } from './drill-window.ts'
import { endpointBranches, keysOfEndpoint } from './endpoint-schema.ts'
import { keysOfAuth, keysOfMember, memberBranches } from './member-schema.ts'
import { channelBranches, keysOfChannel } from './notify-schema.ts'
import { checked, duration, name } from './plan-fields.ts'
import { keysOfStep, runApproval, runbooksSection } from './user-step-schema.ts'

/** The file as people write it. Semantic checks that span fields are in `plan-checks.ts`. */

const mapCategories = [
  'compute',
  'datastore',
  'identity',
  'registry',
  'environment',
  'container',
] as const

const member = z.union(memberBranches)

const kinds = allKinds.filter((kind) => kind !== 'not-protected')

const strategyRule = z.strictObject({
  kind: z.enum(kinds),
  name: name.optional(),
  strategy: z.enum(['hot-hot', 'hot-warm', 'hot-cold']),
})

const conflictRule = z.strictObject({
  kind: z.enum(kinds),
  name: name.optional(),
  keep: z.enum(['source', 'target']),
})

/** No pass writes these one by one. */
const unordered: readonly Kind[] = ['workspace', 'job', 'image', 'role-assignment']

const priorityRule = z.strictObject({
  kind: z.enum(kinds.filter((kind) => !unordered.includes(kind))),
  name: name.optional(),
})

const endpoint = z.union(endpointBranches)

const sections = {
  objectives: z.strictObject({
    rto: duration(1).default(15 * 60_000),
    rpo: duration(1).default(5 * 60_000),
  }),
  jobs: z.strictObject({
    resubmit: z.enum(['checkpointed', 'all', 'none']).default('checkpointed'),
  }),
  decide: z.strictObject({
    automatic: z.boolean().default(false),
    grace: duration(0).default(10 * 60_000),
    cooldown: duration(0).default(60 * 60_000),
    vantagePoints: z.array(name).default([]),
    approval: runApproval.optional(),
  }),
  drill: z.strictObject({
    every: duration(1).default(90 * 86_400_000),
    jobs: z.enum(['start', 'none']).default('start'),
    automatic: z.boolean().default(false),
    window: checked(
      'bad-window',
      'Write a day (or daily) and two times: Sat 03:00-05:00 UTC.',
      (text) => parseDrillWindow(text) !== undefined,
      (text) => `'${text}' is not a time in which a drill may begin.`,
    ).optional(),
  }),
}

export const planSchema = z.strictObject({
  apiVersion: z.literal('holdfast/v1').default('holdfast/v1'),
  group: checked(
    'bad-name',
    'Use lower-case letters, digits and hyphens, at most 64.',
    (text) => /^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/.test(text),
    (text) => `'${text}' cannot name a failover group.`,
  ).default('default'),
  objectives: sections.objectives.prefault({}),
  // Names are checked beside the values, in `plan-checks.ts`: a bad key would hide a bad value.
  members: z.record(z.string(), member),
  strategies: z.array(strategyRule).default([]),
  conflicts: z.array(conflictRule).default([]),
  priority: z.array(priorityRule).default([]),
  deletions: z.enum(['archive', 'leave']).default('archive'),
  roleAssignments: z.enum(['copy', 'whenPermitted', 'leave']).default('whenPermitted'),
  map: z.partialRecord(z.enum(mapCategories), z.record(name, name)).default({}),
  endpoints: z.array(endpoint).default([]),
  jobs: sections.jobs.prefault({}),
  decide: sections.decide.prefault({}),
  drill: sections.drill.prefault({}),
  notify: z.array(z.union(channelBranches)).default([]),
  runbooks: runbooksSection.prefault({}),
})

export type PlanDocument = z.output<typeof planSchema>

/** The keys that may stand at a path of the document, for suggestions; `value` is what stands there. */
export function keysAt(path: readonly (string | number)[], value: unknown): readonly string[] {
  const [head, ...rest] = path
  if (head === undefined) return Object.keys(planSchema.shape)
  if (head === 'members' && rest.length === 1) return keysOfMember(value)
  if (head === 'members' && rest[1] === 'auth') return keysOfAuth()
  if (head === 'strategies' && rest.length === 1) return Object.keys(strategyRule.shape)
  if (head === 'conflicts' && rest.length === 1) return Object.keys(conflictRule.shape)
  if (head === 'priority' && rest.length === 1) return Object.keys(priorityRule.shape)
  if (head === 'map' && rest.length === 0) return mapCategories
  if (head === 'endpoints' && rest.length === 1) return keysOfEndpoint(value)
  if (head === 'runbooks') return keysOfStep(rest, value)
  if (head === 'decide' && rest[0] === 'approval') return Object.keys(runApproval.shape)
  if (head === 'notify' && rest.length === 1) return keysOfChannel(value)
  const section = Object.entries(sections).find(([name]) => name === head && rest.length === 0)
  return section ? Object.keys(section[1].shape) : []
}

import { endpointKinds } from './endpoint-schema.ts'
import type { Finding } from './finding.ts'
import { serviceOf } from './member-schema.ts'
import { channelKindOf } from './notify-schema.ts'
import { checkEndpointService, checkServices } from './service-checks.ts'
import { checkUserSteps } from './user-step-checks.ts'

/**
 * Checks that span fields. They read the raw document and tolerate anything in it, so that they
 * also report when the schema already found mistakes elsewhere.
 */
export function checkPlan(raw: unknown): Finding[] {
  const document = asRecord(raw)
  if (!document) return []
  return [
    ...checkMembers(document.members),
    ...checkEndpoints(document.endpoints),
    ...checkEndpointService(document.endpoints, asRecord(document.members) ?? {}),
    ...checkEndpointMembers(document.endpoints, Object.keys(asRecord(document.members) ?? {})),
    ...checkPriority(document.priority),
    ...checkMap(document.map),
    ...checkDecide(document.decide),
    ...checkChannels(document.notify),
    ...checkUserSteps(document.runbooks),
  ]
}

function checkMembers(raw: unknown): Finding[] {
  const members = asRecord(raw)
  if (!members) return []
  return [
    ...checkMemberNames(Object.keys(members)),
    ...checkRoles(members),
    ...checkWorkspaces(members),
    ...checkServices(members),
  ]
}

function checkChannels(raw: unknown): Finding[] {
  if (!Array.isArray(raw)) return []
  const names = raw.map((entry: unknown) => asRecord(entry)?.name ?? channelKindOf(entry))
  return names.flatMap((name, index): Finding[] =>
    name === undefined || names.indexOf(name) === index
      ? []
      : [
          {
            code: 'duplicate-channel',
            path: ['notify', index],
            message: `A channel before this one is called '${String(name)}', too.`,
            remedy: 'Give each channel a name of its own: name: on-call.',
          },
        ],
  )
}

/** D9: one vantage point cannot tell an outage from its own broken network. */
function checkDecide(raw: unknown): Finding[] {
  const decide = asRecord(raw)
  if (decide?.automatic !== true) return []
  const points = Array.isArray(decide.vantagePoints) ? decide.vantagePoints : []
  if (new Set(points).size >= 2 && !points.includes('controller')) return []
  return [
    {
      code: 'few-vantage-points',
      path: ['decide', 'automatic'],
      message: 'An automatic failover needs two vantage points besides the controller.',
      remedy:
        'Run `holdfast probe` in two other regions and name them: vantagePoints: [north, south]. Or leave the decision to a human: automatic: false.',
    },
  ]
}

function checkMemberNames(names: readonly string[]): Finding[] {
  return names
    .filter((name) => !/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name))
    .map((name) => ({
      code: 'bad-name',
      path: ['members', name],
      atKey: true,
      message: `'${name}' cannot name a member.`,
      remedy: 'Use lower-case letters, digits and hyphens, at most 32.',
    }))
}

function checkRoles(members: Record<string, unknown>): Finding[] {
  const names = Object.keys(members)
  const primaries = names.filter((name) => asRecord(members[name])?.role === 'primary')
  const findings: Finding[] = primaries.slice(1).map((name) => ({
    code: 'two-primaries',
    path: ['members', name, 'role'],
    message: `'${name}' is a second primary beside '${primaries[0]}'.`,
    remedy: 'Leave role: primary on the workspace that serves now and remove the other.',
  }))
  if (primaries.length === 0 && names.length > 0) {
    findings.push({
      code: 'no-primary',
      path: ['members'],
      atKey: true,
      message: 'No member is primary.',
      remedy: 'Add role: primary to the workspace that serves now.',
    })
  }
  if (names.length < 2) {
    findings.push({
      code: 'no-secondary',
      path: ['members'],
      atKey: true,
      message: 'There is no second workspace to fail over to.',
      remedy: 'Add a member in another region.',
    })
  }
  for (const name of names.slice(2)) {
    findings.push({
      code: 'too-many-members',
      path: ['members', name],
      atKey: true,
      message: `'${name}' is one member too many: this version protects a pair.`,
      remedy: 'Leave two members; put the others into failover groups of their own.',
    })
  }
  return findings
}

function checkWorkspaces(members: Record<string, unknown>): Finding[] {
  const seen = new Map<string, string>()
  const findings: Finding[] = []
  for (const [name, raw] of Object.entries(members)) {
    const key = serviceOf(raw)
    const written = key === undefined ? undefined : asRecord(raw)?.[key]
    if (key === undefined || typeof written !== 'string') continue
    const workspace = written.toLowerCase().replace(/\/+$/, '')
    const first = seen.get(workspace)
    if (first === undefined) seen.set(workspace, name)
    else {
      findings.push({
        code: 'same-workspace',
        path: ['members', name, key],
        message: `'${name}' is the same workspace as '${first}'.`,
        remedy: 'Give each member a workspace of its own, in another region.',
      })
    }
  }
  return findings
}

function checkEndpoints(raw: unknown): Finding[] {
  if (!Array.isArray(raw)) return []
  const seen = new Map<string, number>()
  const findings: Finding[] = []
  raw.forEach((entry: unknown, index) => {
    const fields = asRecord(entry) ?? {}
    for (const key of ['listen', ...endpointKinds]) {
      const value = key === 'listen' && isFreePort(fields.listen) ? undefined : fields[key]
      if (typeof value !== 'string') continue
      const first = seen.get(`${key}=${value}`)
      if (first === undefined) seen.set(`${key}=${value}`, index)
      else {
        findings.push({
          code: 'duplicate-endpoint',
          path: ['endpoints', index, key],
          message: `${key} '${value}' is already used by endpoint ${first + 1}.`,
          remedy: `Give each endpoint its own ${key}.`,
        })
      }
    }
  })
  return findings
}

const isFreePort = (listen: unknown) => typeof listen === 'string' && listen.endsWith(':0')

/** An endpoint that does not know a member could not lead there when it has to. */
function checkEndpointMembers(raw: unknown, members: readonly string[]): Finding[] {
  if (!Array.isArray(raw)) return []
  const maps = raw.flatMap((entry: unknown, index) =>
    ['members', 'answers'].map((key) => ({ index, key, named: asRecord(asRecord(entry)?.[key]) })),
  )
  return maps.flatMap(({ index, key, named }): Finding[] => {
    if (named === undefined) return []
    const path = ['endpoints', index, key]
    const missing = members.filter((name) => !Object.hasOwn(named, name))
    const unknown = Object.keys(named).filter((name) => !members.includes(name))
    return [
      ...missing.map((name) => ({
        code: 'missing-member',
        path,
        atKey: true,
        message: `The endpoint does not say what member '${name}' is called there.`,
        remedy: `Add '${name}:'.`,
      })),
      ...unknown.map((name) => ({
        code: 'unknown-member',
        path: [...path, name],
        atKey: true,
        message: `'${name}' is no member of this group.`,
        remedy: `Known: ${members.join(', ')}.`,
      })),
    ]
  })
}

/** Relocation must lead back at failback, so two names may not become one. */
function checkMap(raw: unknown): Finding[] {
  return Object.entries(asRecord(raw) ?? {}).flatMap(([category, names]) => {
    const seen = new Map<unknown, string>()
    return Object.entries(asRecord(names) ?? {}).flatMap(([from, to]): Finding[] => {
      const first = seen.get(to)
      seen.set(to, first ?? from)
      if (first === undefined) return []
      return [
        {
          code: 'ambiguous-map',
          path: ['map', category, from],
          message: `'${from}' and '${first}' both become '${String(to)}', so there is no way back.`,
          remedy: 'Map each name to a name of its own.',
        },
      ]
    })
  })
}

/** A line that an earlier one covers would look as if it did something. */
function checkPriority(raw: unknown): Finding[] {
  if (!Array.isArray(raw)) return []
  const rules = raw.map((entry: unknown) => asRecord(entry) ?? {})
  return rules.flatMap(({ kind, name }, index): Finding[] => {
    const first = rules.findIndex(
      (rule) => rule.kind === kind && (rule.name === undefined || rule.name === name),
    )
    if (kind === undefined || first === index) return []
    return [
      {
        code: 'no-effect',
        path: ['priority', index],
        message: `Line ${first + 1} of the priorities has all of these already.`,
        remedy: 'Put this line before that one, or leave it out.',
      },
    ]
  })
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from './duration.ts'
import { loadPlan, parsePlan } from './load-plan.ts'
import { PlanError } from './plan-error.ts'
import { planText } from './write-plan.ts'

const id = (name: string) =>
  `/subscriptions/6a1c/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/${name}`
const east = id('east')
const west = id('west')
const members = `members:
  east: { workspace: ${east}, role: primary }
  west: { workspace: ${west} }
`

function mistakes(text: string): string[] {
  try {
    parsePlan(text, 'continuity.yaml')
  } catch (error) {
    if (error instanceof PlanError) {
      return error.mistakes.map((m) => `${m.line}:${m.column} ${m.code} ${m.path}`.trim())
    }
    throw error
  }
  return []
}

describe('a plan with nothing but members', () => {
  it('has every default of the design', () => {
    const plan = parsePlan(members, '/plans/continuity.yaml')
    expect(plan).toMatchObject({
      apiVersion: 'holdfast/v1',
      group: 'default',
      folder: '/plans',
      objectives: { rtoMs: 900_000, rpoMs: 300_000 },
      members: [
        { name: 'east', workspace: east, role: 'primary', cloud: 'AzureCloud' },
        { name: 'west', workspace: west, role: 'secondary', cloud: 'AzureCloud' },
      ],
      map: {},
      endpoints: [],
      jobs: { resubmit: 'checkpointed' },
      decide: {
        automatic: false,
        graceMs: 600_000,
        cooldownMs: 3_600_000,
        vantagePoints: [],
      },
      drill: { everyMs: 90 * 86_400_000, jobs: 'start' },
    })
  })

  it('reads MLflow servers, with the names of variables for what is secret', () => {
    const plan = parsePlan(
      `members:
  east: { mlflow: "https://mlflow.east.example/team", role: primary, auth: { token: EAST_TOKEN } }
  west:
    mlflow: http://127.0.0.1:5000
    auth: { username: WEST_USER, password: WEST_PASSWORD }
    artifacts: ./mounted
    ca: ca.pem
`,
      '/plans/continuity.yaml',
    )
    expect(plan.members).toEqual([
      {
        name: 'east',
        workspace: 'https://mlflow.east.example/team',
        role: 'primary',
        cloud: 'none',
        mlflow: { auth: { token: 'EAST_TOKEN' } },
      },
      {
        name: 'west',
        workspace: 'http://127.0.0.1:5000',
        role: 'secondary',
        cloud: 'none',
        mlflow: {
          auth: { username: 'WEST_USER', password: 'WEST_PASSWORD' },
          artifacts: './mounted',
          ca: 'ca.pem',
        },
      },
    ])
  })

  it('names every mistake of MLflow members by line, and repeats no secret (I9)', () => {
    const text = `members:
  east: { mlflow: "https://user:s3cr3t@mlflow.east", role: primary, auth: { token: dapi-s3cr3t } }
  west: { workspace: ${west}, mlflow: "https://mlflow.west" }
  north: { mlflow: "http://mlflow.north", auth: { user: A, password: s3cr3t! }, artefacts: x }
endpoints:
  - { workspaceConfig: ./config.json }
`
    expect(mistakes(text)).toEqual([
      '2:11 mixed-members members.east.mlflow',
      '2:19 bad-address members.east.mlflow',
      '2:84 bad-variable members.east.auth.token',
      '3:121 unknown-key members.west.mlflow',
      '4:3 too-many-members members.north',
      '4:20 bad-address members.north.mlflow',
      '4:43 missing members.north.auth.username',
      '4:51 unknown-key members.north.auth.user',
      '4:70 bad-variable members.north.auth.password',
      '4:81 unknown-key members.north.artefacts',
      '5:1 endpoint-of-mlflow endpoints',
    ])
    expect(() => parsePlan(text, 'continuity.yaml')).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('s3cr3t') }),
    )
  })

  it('reads the example of the design', () => {
    const plan = parsePlan(
      `apiVersion: holdfast/v1
group: fraud-models
objectives: { rto: 15m, rpo: 90s }
${members}strategies:
  - { kind: online-endpoint, strategy: hot-hot }
  - { kind: model, name: "experimental-*", strategy: hot-cold }
map:
  compute: { gpu-east: gpu-west }
endpoints:
  - { workspaceConfig: ./config.json }
  - { gateway: scoring, match: "fraud-*", listen: "127.0.0.1:0" }
jobs: { resubmit: all }
decide: { automatic: false, grace: 0s, cooldown: 1h }
drill: { every: 90d }
`,
      'continuity.yaml',
    )
    expect(plan.objectives.rpoMs).toBe(90_000)
    expect(plan.strategies.at(-1)).toEqual({
      kind: 'model',
      name: 'experimental-*',
      strategy: 'hot-cold',
    })
    expect(plan.endpoints).toEqual([
      { type: 'workspaceConfig', path: './config.json' },
      {
        type: 'gateway',
        name: 'scoring',
        match: 'fraud-*',
        listen: '127.0.0.1:0',
        balance: 'primary',
        maxInFlight: 10_000,
      },
    ])
    expect(plan.map).toEqual({ compute: { 'gpu-east': 'gpu-west' } })
  })
})

describe('mistakes', () => {
  const table: Array<[string, string, string[]]> = [
    ['an empty file', '', ['1:1 wrong-type']],
    ['a list', '- a\n', ['1:1 wrong-type']],
    ['not YAML', 'members: {\n  a: [\n', ['3:1 yaml', '3:1 yaml']],
    ['an alias of nothing', '*a\n', ['1:1 yaml']],
    ['no members', 'group: a\n', ['1:1 missing members']],
    ['an unknown key', `grup: a\n${members}`, ['1:1 unknown-key grup']],
    [
      'an unknown key deep inside',
      members.replace('role:', 'rolle:'),
      ['1:1 no-primary members', `2:${24 + east.length} unknown-key members.east.rolle`],
    ],
    ['a wrong type', `jobs: 3\n${members}`, ['1:7 wrong-type jobs']],
    ['a null section', `decide:\n${members}`, ['1:8 wrong-type decide']],
    [
      'a number as duration',
      `objectives: { rto: 15 }\n${members}`,
      ['1:20 wrong-type objectives.rto'],
    ],
    ['a bad duration', `drill: { every: 90 days }\n${members}`, ['1:17 bad-duration drill.every']],
    [
      'an objective of nothing',
      `objectives: { rpo: 0s }\n${members}`,
      ['1:20 bad-duration objectives.rpo'],
    ],
    [
      'two primaries',
      `members:\n  east: { workspace: ${east}, role: primary }\n  west:\n    workspace: ${west}\n    role: primary\n`,
      ['5:11 two-primaries members.west.role'],
    ],
    [
      'no secondary',
      `members:\n  east: { workspace: ${east}, role: primary }\n`,
      ['1:1 no-secondary members'],
    ],
    [
      'a third member',
      `${members}  south: { workspace: ${id('south')} }\n`,
      ['4:3 too-many-members members.south'],
    ],
    [
      'a member written twice',
      `${members}  west: { workspace: ${id('other')} }\n`,
      ['4:3 duplicate-key'],
    ],
    [
      'the same workspace twice',
      members.replace(west, east.toUpperCase()),
      ['3:22 same-workspace members.west.workspace'],
    ],
    ['a bad member name', members.replace('west:', 'West!:'), ['3:3 bad-name members.West!']],
    [
      'a bad ARM id',
      members.replace(west, '/subscriptions/1/workspaces/west'),
      ['3:22 bad-arm-id members.west.workspace'],
    ],
    [
      'a missing workspace',
      members.replace(`workspace: ${west}`, ''),
      ['3:3 missing members.west.workspace'],
    ],
    [
      'an unknown cloud',
      members.replace(' }', ', cloud: AzureClowd }'),
      [`2:${46 + east.length} bad-cloud members.east.cloud`],
    ],
    [
      'an unknown kind',
      `strategies:\n  - { kind: models, strategy: hot-hot }\n${members}`,
      ['2:13 unknown-kind strategies.0.kind'],
    ],
    [
      'an unknown strategy',
      `strategies:\n  - { kind: model, strategy: hot }\n${members}`,
      ['2:30 not-allowed strategies.0.strategy'],
    ],
    [
      'a priority for what no pass writes one by one',
      `priority:\n  - { kind: job }\n${members}`,
      ['2:13 not-allowed priority.0.kind'],
    ],
    [
      'a priority that an earlier one has already',
      `priority:\n  - { kind: model }\n  - { kind: run }\n  - { kind: model, name: "a-*" }\n${members}`,
      ['4:5 no-effect priority.2'],
    ],
    [
      'a priority with an unknown key',
      `priority:\n  - { kind: model, rank: 1 }\n${members}`,
      ['2:20 unknown-key priority.0.rank'],
    ],
    [
      'a side of a conflict that is none',
      `conflicts:\n  - { kind: model, keep: both }\n${members}`,
      ['2:26 not-allowed conflicts.0.keep'],
    ],
    [
      'an unknown map category',
      `map: { computes: { a: b } }\n${members}`,
      ['1:8 unknown-key map.computes'],
    ],
    [
      'a map without a way back',
      `map: { compute: { a: x, b: x } }\n${members}`,
      ['1:28 ambiguous-map map.compute.b'],
    ],
    [
      'a member that an endpoint does not know, and one that nobody knows',
      `endpoints:\n  - { nginx: a, snippet: b, probe: "https://h", members: { east: "h:1", south: "h:2" } }\n${members}`,
      ['2:49 missing-member endpoints.0.members', '2:73 unknown-member endpoints.0.members.south'],
    ],
    [
      'a secret in the place of a variable',
      `endpoints:\n  - { workspaceConfigGit: "https://h/r", token: "ghp_abc123" }\n${members}`,
      ['2:49 bad-variable endpoints.0.token'],
    ],
    [
      'a key of another kind of endpoint',
      `endpoints:\n  - { workspaceConfigBlob: "https://a.b/c", listen: "h:1" }\n${members}`,
      ['2:45 unknown-key endpoints.0.listen'],
    ],
    [
      'an address without encryption',
      `endpoints:\n  - { workspaceConfigBlob: "http://a.b/c" }\n${members}`,
      ['2:28 bad-address endpoints.0.workspaceConfigBlob'],
    ],
    [
      'an endpoint of no known shape',
      `endpoints:\n  - { gatway: scoring }\n${members}`,
      ['2:5 missing endpoints.0.workspaceConfig', '2:7 unknown-key endpoints.0.gatway'],
    ],
    [
      'an address that is none',
      `endpoints:\n  - { gateway: a, listen: "8080" }\n${members}`,
      ['2:27 bad-listen endpoints.0.listen'],
    ],
    [
      'two gateways at one address',
      `endpoints:\n  - { gateway: a, listen: "h:1" }\n  - { gateway: b, listen: "h:1" }\n${members}`,
      ['3:27 duplicate-endpoint endpoints.1.listen'],
    ],
    [
      'many at once, schema and cross-field ones together',
      `apiVersion: holdfast/v2\nobjectives: { rto: soon }\nmembers:\n  east: { workspace: nope, role: primary, extra: 1 }\nstrategies: x\n`,
      [
        '1:13 not-allowed apiVersion',
        '2:20 bad-duration objectives.rto',
        '3:1 no-secondary members',
        '4:22 bad-arm-id members.east.workspace',
        '4:43 unknown-key members.east.extra',
        '5:13 wrong-type strategies',
      ],
    ],
  ]
  it.each(table)('%s', (_, text, expected) => {
    expect(mistakes(text)).toEqual(expected)
  })

  it('suggests the key that was meant', () => {
    try {
      parsePlan(`memebrs: {}\n${members}`, 'continuity.yaml')
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(PlanError)
      expect((error as PlanError).mistakes[0]?.remedy).toContain('members')
      expect((error as PlanError).place).toBe('continuity.yaml:1:1')
    }
  })

  it('never throws anything but a plan error, whatever stands in the file', () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.boolean())
    const document = fc.dictionary(
      fc.constantFrom('members', 'group', 'endpoints', 'map', 'strategies', 'decide', 'x'),
      fc.oneof(value, fc.array(value), fc.dictionary(fc.string(), fc.oneof(value, fc.object()))),
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          document.map((d) => JSON.stringify(d)),
        ),
        (text) => {
          try {
            parsePlan(text, 'f')
          } catch (error) {
            expect(error).toBeInstanceOf(PlanError)
            for (const m of (error as PlanError).mistakes) expect(m.line).toBeGreaterThan(0)
          }
        },
      ),
    )
  })
})

describe('files', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-plan-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('says that there is none', async () => {
    await expect(loadPlan(join(folder, 'absent.yaml'))).rejects.toMatchObject({
      code: 'plan.not-found',
    })
    await expect(loadPlan(folder)).rejects.toMatchObject({ code: 'plan.unreadable' })
  })

  it('reads back what init writes', async () => {
    const file = join(folder, 'continuity.yaml')
    await writeFile(
      file,
      planText({
        group: 'fraud',
        members: [
          { name: 'east', workspace: east, role: 'primary', cloud: 'AzureCloud' },
          { name: 'west', workspace: west, role: 'secondary', cloud: 'regions/west: 1/cloud.json' },
        ],
        workspaceConfig: './config, a.json',
        gateway: { name: 'scoring', match: 'fraud-*', listen: '127.0.0.1:0' },
      }),
    )
    expect(await loadPlan(file)).toMatchObject({
      group: 'fraud',
      folder,
      members: [{ name: 'east' }, { name: 'west', cloud: 'regions/west: 1/cloud.json' }],
      endpoints: [
        { type: 'workspaceConfig', path: './config, a.json' },
        { type: 'gateway', match: 'fraud-*' },
      ],
    })
  })
})

describe('durations', () => {
  it('survive being written and read', () => {
    fc.assert(
      fc.property(fc.nat(), (durationMs) => {
        expect(parseDuration(formatDuration(durationMs))).toBe(durationMs)
      }),
    )
  })
})

describe('channels that tell people', () => {
  const notify = (...channels: string[]) =>
    `${members}notify:\n${channels.map((channel) => `  - ${channel}\n`).join('')}`

  it('are known by their first key, and are called after it', () => {
    const plan = parsePlan(
      notify(
        '{ slack: { env: SLACK_URL }, events: [outage-confirmed] }',
        '{ pagerduty: { file: ./key }, name: on-call }',
        '{ smtp: "smtps://mail.example.com:465", from: a@example.com, to: [b@example.com] }',
      ),
      'continuity.yaml',
    )
    expect(plan.notify).toMatchObject([
      { name: 'slack', type: 'slack', url: { env: 'SLACK_URL' }, events: ['outage-confirmed'] },
      {
        name: 'on-call',
        key: { file: './key' },
        address: 'https://events.pagerduty.com/v2/enqueue',
      },
      { name: 'smtp', server: 'smtps://mail.example.com:465', to: ['b@example.com'] },
    ])
  })

  it('take no secret itself, and do not repeat one (I9)', () => {
    const secret = 'https://hooks.example.com/planted-secret'
    const text = notify(
      `{ slack: "${secret}" }`,
      `{ webhook: { env: "${secret}" } }`,
      '{ smtp: "smtps://user:planted-secret@mail.example.com", from: a@example.com, to: [b@e.com] }',
      '{ teams: { env: TEAMS_URL }, event: [] }',
      '{ teams: { env: TEAMS_URL } }',
    )
    expect(mistakes(text).map((line) => line.split(' ').slice(1).join(' '))).toEqual([
      ...['wrong-type notify.0.slack', 'bad-variable notify.1.webhook.env'],
      ...['bad-mail-server notify.2.smtp', 'unknown-key notify.3.event'],
      'duplicate-channel notify.4',
    ])
    const messages = (() => {
      try {
        parsePlan(text, 'continuity.yaml')
      } catch (error) {
        return JSON.stringify([(error as PlanError).mistakes, String(error)])
      }
      return ''
    })()
    expect(messages).not.toContain('planted-secret')
  })
})

import { describe, expect, it } from 'vitest'
import { parsePlan } from './load-plan.ts'
import { PlanError } from './plan-error.ts'

const id = (name: string) =>
  `/subscriptions/6a1c/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/${name}`
const members = `members:
  east: { workspace: ${id('east')}, role: primary }
  west: { workspace: ${id('west')} }
`

const runbooks = (text: string) => parsePlan(`${members}${text}`, '/plans/continuity.yaml').runbooks

function mistakes(text: string): string[] {
  try {
    runbooks(text)
  } catch (error) {
    if (!(error instanceof PlanError)) throw error
    return error.mistakes.map((m) => `${m.line} ${m.code} ${m.path} ${m.remedy}`)
  }
  return []
}

describe('runbooks: of a plan', () => {
  it('has every kind of step, with defaults', () => {
    expect(
      runbooks(`runbooks:
  failover:
    - { before: switch-traffic, http: { url: "https://hook.example/x", expect: 204, token: HOOK_TOKEN } }
    - { after: write-report, command: [./notify.sh, "{{epoch}}"], timeout: 1m, retries: 0, skippable: false }
    - { before: raise-epoch, wait: Confirm with the fraud desk, expires: 15m }
    - { before: raise-epoch, id: four-eyes, approval: { people: 2 } }
  switchover:
    - before: catch-up
      command: [./close.sh]
      undo: { command: [./open.sh] }
`),
    ).toMatchObject({
      failover: [
        {
          ...{ id: 'http-before-switch-traffic', place: 'before', anchor: 'switch-traffic' },
          action: {
            ...{ type: 'http', url: 'https://hook.example/x', method: 'POST', body: null },
            ...{ expect: [204], token: 'HOOK_TOKEN' },
          },
          ...{ timeoutMs: 30_000, retries: 2, skippable: true, undo: null },
        },
        {
          id: 'command-after-write-report',
          action: { type: 'command', argv: ['./notify.sh', '{{epoch}}'], env: [] },
          ...{ timeoutMs: 60_000, retries: 0, skippable: false },
        },
        {
          id: 'wait-before-raise-epoch',
          action: { people: 1, role: 'operator', askerCounts: true, expiresMs: 900_000 },
          skippable: true,
        },
        {
          id: 'four-eyes',
          action: { people: 2, role: 'approver', askerCounts: false, expiresMs: 1_800_000 },
          skippable: false,
        },
      ],
      switchover: [{ undo: { type: 'command', argv: ['./open.sh'] } }],
      failback: [],
    })
  })

  it('asks for the approval of a whole run before anything else', () => {
    const found = runbooks(`decide: { approval: { people: 2, for: [failover] } }
runbooks: { failover: [{ before: choose-point, wait: Look }] }
`)
    expect(found?.failover?.map(({ id }) => id)).toEqual(['approval', 'wait-before-choose-point'])
    expect(found?.failover?.[0]).toMatchObject({ anchor: 'choose-point', skippable: false })
    expect(found?.switchover).toEqual([])
  })

  it('says every mistake at once, with its line and what was meant', () => {
    expect(
      mistakes(`runbooks:
  failovr: []
  failover:
    - { before: switch-trafic, http: { url: "https://hook.example/x" } }
    - { http: { url: "https://hook.example/x", metod: POST } }
    - { before: raise-epoch, after: raise-epoch, wait: w }
    - { after: create-cold, command: [./x, "{{epok}}"], timout: 1m }
    - { after: raise-epoch, command: [./x], undo: { command: [./y] } }
    - { before: raise-epoch, approval: { people: 0, role: boss } }
    - { before: raise-epoch, http: { url: "https://u:p@hook.example/x", token: "s3cret value" } }
    - { after: fence-source, id: write-report, command: [] }
    - { after: fence-source, notify: x }
  reprotect:
    - { after: salvage, command: [./x], undo: { http: { url: "https://hook.example" } } }
    - { after: salvage, command: [./x] }
`),
    ).toEqual([
      "5 unknown-key runbooks.failovr Did you mean 'failover'?",
      "7 unknown-step runbooks.failover.0.before Did you mean 'switch-traffic'?",
      expect.stringMatching(/^8 missing-anchor runbooks\.failover\.1 Write one of before/),
      "8 unknown-key runbooks.failover.1.http.metod Did you mean 'method'?",
      expect.stringMatching(/^9 two-anchors runbooks\.failover\.2\.after/),
      "10 unknown-placeholder runbooks.failover.3.command.1 Did you mean '{{epoch}}'?",
      "10 unknown-key runbooks.failover.3.timout Did you mean 'timeout'?",
      expect.stringMatching(/^11 undo-too-late runbooks\.failover\.4\.undo/),
      expect.stringMatching(/^12 too-small runbooks\.failover\.5\.approval\.people/),
      expect.stringMatching(/^12 not-allowed runbooks\.failover\.5\.approval\.role/),
      expect.stringMatching(/^13 bad-address runbooks\.failover\.6\.http\.url/),
      expect.stringMatching(/^13 bad-variable runbooks\.failover\.6\.http\.token/),
      expect.stringMatching(/^14 duplicate-id runbooks\.failover\.7/),
      expect.stringMatching(/^14 empty runbooks\.failover\.7\.command/),
      expect.stringMatching(/^15 missing runbooks\.failover\.8\.http/),
      expect.stringMatching(
        /^15 unknown-key runbooks\.failover\.8\.notify Known here: http, command/,
      ),
      expect.stringMatching(/^17 undo-too-late runbooks\.reprotect\.0\.undo/),
      expect.stringMatching(/^18 duplicate-id runbooks\.reprotect\.1/),
    ])
  })

  it('repeats no secret that was written into it (I9)', () => {
    const text = mistakes(`runbooks:
  failover: [{ before: raise-epoch, http: { url: "https://u:hunter2@x.example", token: hunter2 } }]
`).join()
    expect(text).toContain('bad-variable')
    expect(text).not.toContain('hunter2')
  })
})

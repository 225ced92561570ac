import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parsePlan } from '../src/plan/load-plan.ts'

const page = readFileSync(join(import.meta.dirname, '..', 'docs', 'runbooks.md'), 'utf8')
const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text)
const id = (name: string) =>
  `/subscriptions/6a1c/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/${name}`
const members = `members:
  east: { workspace: ${id('east')}, role: primary }
  west: { workspace: ${id('west')} }
`

describe('the examples of docs/runbooks.md', () => {
  it('are plans without a mistake', () => {
    const [steps = '', approvals = ''] = examples
    expect(examples).toHaveLength(2)
    const own = parsePlan(members + steps, '/plans/continuity.yaml').runbooks
    expect(own?.failover?.map((step) => step.id)).toEqual([
      'http-before-switch-traffic',
      'fraud-desk',
      'tell',
    ])
    const asked = parsePlan(members + approvals, '/plans/continuity.yaml').runbooks
    expect(asked?.switchover?.map((step) => step.id)).toEqual(['approval', 'go'])
  })
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { memoryWorkspace } from '../workspace/memory/memory-workspace.ts'
import { secretOf } from '../workspace/secret.ts'
import { planImport } from './import-folder.ts'

const options = { submitJobs: false, jobName: () => 'job', epoch: 1, wrapSecret: secretOf }
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-import-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const schema = (name: string) =>
  `$schema: https://azuremlschemas.azureedge.net/latest/${name}.schema.json\n`

it('lays what a schedule says over the file of its job, at any depth, and loses nothing of it', async () => {
  writeFileSync(
    join(folder, 'job.yml'),
    `type: pipeline
compute: azureml:cpu
settings: { default_datastore: azureml:lake, force_rerun: true }
tags: { kept: "1", changed: "1" }
jobs: { a: { type: command, command: "true", environment: azureml://registries/r/environments/e/versions/1 } }
`,
  )
  writeFileSync(
    join(folder, 'schedule.yml'),
    `${schema('schedule')}name: nightly
trigger: { type: cron, expression: "0 1 * * *" }
create_job:
  type: pipeline
  job: ./job.yml
  settings: { force_rerun: false, continue_on_step_failure: true }
  tags: { changed: "2" }
`,
  )
  const { actions, failed } = await planImport(memoryWorkspace(), folder, options)
  expect(failed).toEqual([])
  const schedule = actions.find((one) => one.action === 'put' && one.id.kind === 'schedule')
  const id = expect.stringMatching(/computes\/cpu$/)
  expect(schedule).toMatchObject({
    body: {
      properties: {
        action: {
          jobDefinition: {
            computeId: id,
            tags: { kept: '1', changed: '2' },
            settings: { force_rerun: false, continue_on_step_failure: true },
          },
        },
      },
    },
  })
  expect(JSON.stringify(schedule)).toContain('default_datastore')
})

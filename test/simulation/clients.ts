import { createHash } from 'node:crypto'
import { isHoldfastError } from '../../src/model/errors.ts'
import type { ObjectId } from '../../src/model/object-id.ts'
import type { BlobInfo } from '../../src/workspace/workspace.ts'
import type { Event, MemberName } from './scenario.ts'
import type { Simulated } from './simulated.ts'
import { client } from './truth.ts'

type Write = Extract<Event, { is: 'write' }>

/** Somebody works: at the side that the stable pointer leads to, or, not knowing better, at the other. */
export async function write(sim: Simulated, event: Write, number: number): Promise<void> {
  const pointer = await sim.endpoints.config.current()
  const led = (pointer?.member ?? 'east') as MemberName
  const member = event.stale ? (led === 'east' ? 'west' : 'east') : led
  if (sim.network.isDown(member)) return
  // A member that knows that it is secondary turns people away: its endpoint and its notebook say so.
  const marker = await sim.truth.memory[member].readMarker()
  if (event.stale && marker?.role !== 'primary') return
  const stamp = `w${number}`
  sim.schedule.log(`${event.what} ${event.number} ${stamp} at ${member}`)
  try {
    await perform(sim, member, event, stamp)
  } catch (error) {
    // The service refuses: the job is over already, or there is none.
    if (!isHoldfastError(error)) throw error
  }
}

async function perform(sim: Simulated, member: MemberName, { what, number }: Write, stamp: string) {
  const region = sim.truth.as(client, member)
  const memory = sim.truth.memory[member]
  const epoch = 0
  const tags = { stamp }
  switch (what) {
    case 'model': {
      const id: ObjectId = { kind: 'model', path: [`m${number}`, '1'] }
      const known = (await memory.getObject(id))?.body.properties as
        | { modelUri?: string }
        | undefined
      const modelUri = known?.modelUri ?? `https://models.example/${member}/${stamp}`
      await region.putObject(id, { properties: { modelUri, tags } }, { epoch })
      return
    }
    case 'run': {
      const runId = `run-${number}`
      const run = {
        runId,
        experimentName: 'exp',
        status: 'Running',
        modifiedAt: '',
        body: { runId, tags },
      }
      await region.putRuns('exp', [run], { epoch })
      return
    }
    case 'blob':
      return blob(sim, member, `data/b${number}`, stamp)
    case 'checkpoint':
      return blob(sim, member, `checkpoints/${jobName(member, number)}/${stamp}`, stamp)
    case 'job':
      await region.submitJob(jobName(member, number), jobOf(jobName(member, number)), { epoch })
      return
    case 'job-ends':
      memory.setJobStatus(jobName(member, number), 'Completed')
      return
    case 'schedule':
      await region.putObject(
        { kind: 'schedule', path: [`s${number}`] },
        { properties: { isEnabled: true, trigger: { expression: '0 0 * * *' } } },
        { epoch },
      )
  }
}

async function blob(sim: Simulated, member: MemberName, name: string, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text)
  const info: BlobInfo = {
    ...{ name, sizeBytes: bytes.length, etag: '', modifiedAt: '', metadata: {} },
    contentMd5: createHash('md5').update(bytes).digest('base64'),
  }
  const content = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(bytes)
      controller.close()
    },
  })
  await sim.truth.as(client, member).writeBlob('workspaceblobstore', info, content, { epoch: 0 })
}

/** People at two sides do not choose the same name for two jobs. */
const jobName = (member: MemberName, number: number) => `${member}-j${number}`
const jobOf = (name: string) => ({
  properties: {
    jobType: 'Command',
    command: 'python train.py',
    outputs: {
      checkpoints: { uri: `azureml://datastores/workspaceblobstore/paths/checkpoints/${name}/` },
    },
  },
})

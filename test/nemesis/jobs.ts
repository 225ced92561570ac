import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { isObject } from '../../src/model/field-path.ts'
import { collect } from '../../src/workspace/pages.ts'
import type { World } from './world.ts'

/** Half seconds of work. */
const steps = 12

/**
 * A job that goes on from its newest checkpoint, and tells the truth file what it does: past every
 * network, so that nobody's view of it has to be believed.
 */
export function jobBody(world: World, member: 'east' | 'west', name: string) {
  const id = world.ids[member]
  const out = `$${'{{outputs.checkpoints}}'}`
  const say = (what: string) => `echo "${what} $AZUREML_RUN_ID $PWD" >> ${world.truth}`
  const command = [
    `mkdir -p ${out}`,
    `n=$(ls ${out} | sed -n 's/^step-\\([0-9]*\\).*/\\1/p' | sort -n | tail -1)`,
    say('start'),
    `for i in $(seq $((\${n:-0} + 1)) ${steps})`,
    `do sleep 0.5; echo $i > ${out}/step-$i.json; ${say('step')}; done`,
    say('done'),
  ].join('; ')
  return {
    properties: {
      jobType: 'Command',
      experimentName: 'training',
      command,
      environmentId: `${id}/environments/fraud-python/versions/1`,
      computeId: `${id}/computes/cpu-cluster`,
      outputs: {
        checkpoints: {
          jobOutputType: 'uri_folder',
          uri: `azureml://datastores/workspaceblobstore/paths/checkpoints/${name}/`,
          mode: 'ReadWriteMount',
        },
      },
    },
  }
}

export interface JobTruth {
  /** Run id -> how often it began, and how often it came to its end. */
  readonly starts: ReadonlyMap<string, number>
  readonly ends: ReadonlyMap<string, number>
}

export function readTruth(world: World): JobTruth {
  const starts = new Map<string, number>()
  const ends = new Map<string, number>()
  for (const line of readFileSync(world.truth, 'utf8').split('\n')) {
    const [what, run = ''] = line.split(' ')
    const counts = what === 'start' ? starts : what === 'done' ? ends : undefined
    counts?.set(run, (counts.get(run) ?? 0) + 1)
  }
  return { starts, ends }
}

/** The job and its successors: `train-3`, `train-3-e2`, `train-3-e4`. */
export const isRunOf = (run: string, job: string): boolean =>
  run === job || run.startsWith(`${job}-e`)

const openStates =
  /^(NotStarted|Queued|Preparing|Provisioning|Starting|Running|Finalizing|CancelRequested)$/

/** Run -> status of these jobs and their successors at this member, once none is under way. */
export async function untilJobsEnd(
  world: World,
  member: 'east' | 'west',
  jobs: readonly string[],
  limitMs: number,
): Promise<ReadonlyMap<string, string>> {
  const until = Date.now() + limitMs
  for (;;) {
    const states = await statesOf(world, member, jobs)
    const isOpen = [...states.values()].some((state) => openStates.test(state))
    if (!isOpen || Date.now() > until) return states
    await delay(200)
  }
}

async function statesOf(
  world: World,
  member: 'east' | 'west',
  jobs: readonly string[],
): Promise<Map<string, string>> {
  const workspace = world.workspaces[member]
  const all = await collect((page) => workspace.listObjects('job', page))
  return new Map(
    all.flatMap(({ id, body }) => {
      const run = id.path[0] ?? ''
      if (!jobs.some((job) => isRunOf(run, job))) return []
      const status = isObject(body.properties) ? body.properties.status : undefined
      return [[run, String(status)] as const]
    }),
  )
}

import { HoldfastError } from '../../model/errors.ts'
import type { PassResult } from '../../replication/pass.ts'
import type { Ending, Look, StepTools } from '../../runbook/runbook.ts'
import type { SyncWorld } from '../ports.ts'

/** For steps whose goal cannot be asked from the world without doing their work. */
export const toBeDone = (detail: string) => async (): Promise<Look> => ({ done: false, detail })

export async function captureJobs(world: SyncWorld, tools: StepTools): Promise<Ending> {
  const open = await world.captureJobs({ signal: tools.signal })
  if (open === 0) return { done: '0 jobs are open.' }
  return {
    done:
      open === 1
        ? '1 job is open; its checkpoints and its run go first.'
        : `${open} jobs are open; their checkpoints and runs go first.`,
  }
}

export async function replicateOnce(world: SyncWorld, tools: StepTools): Promise<Ending> {
  const result = await world.replicate({
    epoch: world.epoch,
    signal: tools.signal,
    onProgress: (done, total, bytes) => tools.progress({ done, total, bytes }),
  })
  if (result.outcome === 'complete') return { done: sentence(result) }
  if (result.outcome === 'partial') return { partial: sentence(result) }
  throw new HoldfastError(
    result.error?.code ?? 'sync.cancelled',
    result.error?.message ?? 'The pass was cancelled.',
    {
      kind: result.outcome === 'cancelled' ? 'cancelled' : 'transient',
      hint: 'Remedy what it names, then run `holdfast sync` again; what is proven stays proven.',
    },
  )
}

export async function publishRoutes(world: SyncWorld, tools: StepTools): Promise<Ending> {
  const failed = await world.publishRoutes({ signal: tools.signal })
  if (failed.length > 0) return { partial: failed.join(' ') }
  return { done: 'They know both sides.' }
}

function sentence(result: PassResult): string {
  const { compared, created, updated, failed, pending, conflicts, apart = 0 } = result
  const rest = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(pending > 0 ? [`${pending} wait`] : []),
    ...(conflicts > 0 ? [`${conflicts} are in conflict`] : []),
    ...(apart > 0 ? [`${apart} kept apart by decision`] : []),
  ]
  const whole = `${compared} objects compared, ${created} created, ${updated} updated`
  const early = result.error === null ? '' : ` The pass ended early: ${result.error.message}.`
  return `${[whole, ...rest].join(', ')}.${early}`
}

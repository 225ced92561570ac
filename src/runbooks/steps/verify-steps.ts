import type { VerifyResult } from '../../replication/verify.ts'
import type { Ending, StepTools } from '../../runbook/runbook.ts'
import type { VerifyWorld } from '../ports.ts'

export async function verifyObjects(world: VerifyWorld, tools: StepTools): Promise<Ending> {
  const result = await world.verify({
    epoch: world.epoch,
    signal: tools.signal,
    onProgress: (done, total, bytes) => tools.progress({ done, total, bytes }),
  })
  const isSound = result.different === 0 && result.unread === 0
  return isSound ? { done: sentence(result) } : { partial: sentence(result) }
}

function sentence({ checked, different, behind, unread, bytesRead }: VerifyResult): string {
  const parts = [
    `${checked} objects read on both sides, ${bytesRead} bytes`,
    different === 0 ? 'none differs' : `${different} differ and are not proven any more`,
    ...(behind === 0 ? [] : [`${behind} changed at the source since`]),
    ...(unread === 0 ? [] : [`${unread} could not be read`]),
  ]
  return `${parts.join(', ')}.`
}

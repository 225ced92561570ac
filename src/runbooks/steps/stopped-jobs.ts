import type { StepTools } from '../../runbook/runbook.ts'
import type { SwitchoverWorld } from '../ports.ts'

/** How often, and every how many milliseconds, stopped jobs are looked at: two minutes in all. */
const stopLooks = 240
const stopLookMs = 500

/** A job that is told to end may show other states before it does. Gives those that never did. */
export async function untilStopped(
  world: Pick<SwitchoverWorld, 'sleep'>,
  { signal }: StepTools,
  findOpen: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  let open = await findOpen()
  for (let look = 1; open.length > 0 && look < stopLooks; look += 1) {
    await world.sleep(stopLookMs, signal)
    signal.throwIfAborted()
    open = await findOpen()
  }
  return open
}

import { isCode, isHoldfastError } from '../model/errors.ts'
import type { Plane, ProbeResult } from './workspace.ts'

/** Answers that refuse: whoever gives them is there. */
const refusals = ['workspace.throttled', 'workspace.forbidden', 'workspace.sign-in-failed']

/** Asks once and tells how it went; never throws. */
export async function probeResultOf(
  plane: Plane,
  clock: () => Date,
  ask: () => Promise<unknown>,
): Promise<ProbeResult> {
  const at = clock().toISOString()
  const started = performance.now()
  const took = () => ({ plane, at, latencyMs: performance.now() - started })
  try {
    await ask()
    return { ...took(), healthy: true }
  } catch (error) {
    return {
      ...took(),
      healthy: false,
      reason: isHoldfastError(error) ? `${error.code}: ${error.message}` : String(error),
      ...(refusals.some((code) => isCode(error, code)) && { refused: true }),
      ...(isCode(error, 'workspace.throttled') && { throttled: true }),
    }
  }
}

import type { Finding } from '../api/contract.ts'
import { canBeginAgain } from '../runbook/run-state.ts'
import { type QuietMove, quietMovesOf } from '../runbooks/quiet-moves.ts'
import { currentEpoch, type ProtectedGroup } from './protected-group.ts'

/** I8: a move that failed before its epoch has left the primary without its schedules and jobs. */
export async function moveFindings(group: ProtectedGroup): Promise<readonly Finding[]> {
  const { epoch, primary } = await currentEpoch(group)
  const { journal } = group.records
  // Status is asked often: what every move of years noted need not be read. One that is done has an
  // epoch of its own.
  const world = { group: group.plan.group, journal }
  const moves = await quietMovesOf(world, epoch, ({ state }) => canBeginAgain(state))
  return moves.flatMap((move) => leftQuiet(move, primary))
}

function leftQuiet({ run, quieted }: QuietMove, primary: string): Finding[] {
  const { id, runbook } = run.header
  const evidence = [
    ...quieted.schedules.map((each) => `${each} is off`),
    ...quieted.jobs.map((each) => `job/${each} is stopped`),
  ]
  if (evidence.length === 0) return []
  return [
    {
      rule: 'left-quiet',
      level: 'degraded',
      sentence: `${primary} is still as quiet as ${runbook} ${id} made it before it failed: schedules off: ${quieted.schedules.length}, jobs stopped: ${quieted.jobs.length}.`,
      evidence,
      remedy: `Go on with it (\`holdfast retry ${id}\`) or turn everything on again (\`holdfast abort ${id} --reason …\`).`,
    },
  ]
}

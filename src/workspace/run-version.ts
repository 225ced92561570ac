import { HoldfastError } from '../model/errors.ts'
import type { CallOptions, PutRunsOptions, Run, RunName } from './workspace.ts'

/** What a run is compared by without reading its series: it changes with every change of either. */
export function runVersion(run: Run): string {
  return run.version ?? `${run.revision ?? ''}@${run.modifiedAt}`
}

/** Throws `run.changed` for the first run that is not as it is expected to be. */
export function refuseChangedRuns(
  runs: readonly Pick<Run, 'runId'>[],
  { expected }: Pick<PutRunsOptions, 'expected'>,
  standing: ReadonlyMap<string, Run>,
): void {
  for (const { runId } of runs) {
    const version = expected?.get(runId)
    if (version === undefined) continue
    const found = standing.get(runId)
    if ((found === undefined ? null : runVersion(found)) === version) continue
    throw new HoldfastError('run.changed', `run ${runId} is not as it was when it was looked at`, {
      place: `run/${runId}`,
      hint: 'The next pass compares it anew.',
    })
  }
}

/** For a service without conditional writes: asked right before the write, so that little comes between. */
export async function lookBeforeWriting(
  runs: readonly Run[],
  options: PutRunsOptions,
  getRuns: (runs: readonly RunName[], options: CallOptions) => Promise<readonly Run[]>,
): Promise<void> {
  const { expected, signal } = options
  const named = runs.filter(({ runId }) => expected?.has(runId))
  if (named.length === 0) return
  const found = await getRuns(named, signal === undefined ? {} : { signal })
  refuseChangedRuns(named, options, new Map(found.map((run) => [run.runId, run])))
}

import { decide } from '../../jobs/decide.ts'
import { resumptionOf } from '../../jobs/resumption.ts'
import { goesOn } from '../../jobs/stale-copies.ts'
import { HoldfastError } from '../../model/errors.ts'
import type { PassResult } from '../../replication/pass.ts'
import { toRunError } from '../../runbook/durable-engine.ts'
import type { Ending, Look, StepTools } from '../../runbook/runbook.ts'
import { readFact, writeFact } from '../facts.ts'
import { ledgerDirection, provenSoFar } from '../ledger-reads.ts'
import type { SwitchoverWorld } from '../ports.ts'
import { noteQuieted } from '../quiet-moves.ts'
import { cancelCopies, fenceOldPrimary, oldPrimaryIsFenced } from './fence-old-primary.ts'
import { sourceIsFenced } from './fence-source.ts'
import { disableSchedules, enabledSchedules } from './object-changes.ts'
import { returnEndpoints } from './return-endpoints.ts'
import { salvage } from './salvage.ts'
import { untilStopped } from './stopped-jobs.ts'

/** The last pass before the switch may meet objects that change while it works. */
const passLimit = 5
/** Whoever hands in jobs faster than they can be stopped, five times over, is told so by the look. */
const waveLimit = 5
/** The source's clock shows whole seconds: until the next one, a pass cannot be told from one before. */
const clockStepMs = 1000
const clockLookMs = 250
const clockLooks = 40

export async function bothAnswer(world: SwitchoverWorld, tools: StepTools): Promise<Look> {
  // Once the epoch is ours there is no way back, whatever answers now.
  if (await isRaised(world)) return { done: true, detail: `${world.target.name} leads already.` }
  const silent: string[] = []
  for (const side of [world.source, world.target]) {
    for (const plane of ['arm', 'blob', 'history', 'jobs'] as const) {
      const { healthy, reason } = await side.probe(plane, { signal: tools.signal })
      if (!healthy) silent.push(`${side.name} ${plane}: ${reason ?? 'it does not answer'}`)
    }
  }
  if (silent.length > 0) return { done: false, detail: `${silent.join('; ')}.` }
  return { done: true, detail: 'Both sides answer on every plane.' }
}

export async function refuseSilentSide(
  world: SwitchoverWorld,
  tools: StepTools,
): Promise<undefined> {
  const look = await bothAnswer(world, tools)
  if (look.done) return
  throw new HoldfastError(
    'switchover.side-silent',
    `Both sides have to answer for a move without loss: ${look.detail}`,
    {
      kind: 'operator',
      hint: 'Wait until both are well; if the primary is gone, run `holdfast failover`.',
    },
  )
}

export async function isCopiedAhead(world: SwitchoverWorld): Promise<Look> {
  if (await isRaised(world)) return { done: true, detail: 'The source is not primary any more.' }
  const copied = await readFact(world, 'copiedAhead')
  if (copied === undefined) return { done: false, detail: 'What there is is not copied yet.' }
  return { done: true, detail: `Copied at ${copied.at}.` }
}

/**
 * While work goes on: the quiet is as short as it can be, and what would keep the move from being whole
 * is found before anything is turned off.
 */
export async function copyAhead(world: SwitchoverWorld, tools: StepTools): Promise<undefined> {
  const isInNobodysWay = ({ outcome, failed, conflicts }: PassResult): boolean =>
    outcome === 'partial' && failed + conflicts === 0
  await passWhole(world, tools, isInNobodysWay)
  await writeFact(world, 'copiedAhead', { at: world.now().toISOString() })
}

export async function isQuiet(world: SwitchoverWorld, tools: StepTools): Promise<Look> {
  if (await isRaised(world)) return { done: true, detail: 'The source is not primary any more.' }
  const quiet = await readFact(world, 'quiet')
  if (quiet === undefined) return { done: false, detail: 'The source still starts work.' }
  const enabled = await enabledSchedules(world.source, tools.signal)
  if (enabled.length > 0) return { done: false, detail: `Schedules still on: ${enabled.length}.` }
  const running = await movingJobs(world, tools)
  if (running.length > 0) return { done: false, detail: `${running.join(', ')} still run.` }
  return { done: true, detail: `Quiet since ${quiet.since}.` }
}

/**
 * Jobs are captured before they are stopped: afterwards nobody would know that they were open. Nothing
 * keeps people from handing in more meanwhile, so it looks again until there are none.
 */
export async function quiesceSource(world: SwitchoverWorld, tools: StepTools): Promise<undefined> {
  const { signal } = tools
  await world.captureJobs({ signal })
  for (let wave = 0; wave < waveLimit; wave += 1) {
    const jobs = await movingJobs(world, tools)
    await noteQuieted(world, await enabledSchedules(world.source, signal), [])
    await disableSchedules(world.source, world.expectedEpoch, signal)
    await stopJobs(world, tools, jobs)
    // Those that came to their own end first must not run again.
    await world.captureJobs({ signal })
    if (jobs.length === 0) break
  }
  await writeFact(world, 'quiet', { since: (await quietSince(world, tools)).toISOString() })
}

/**
 * By the clock that gives the replication point: ours, or the source's where ours is ahead of it. Not
 * earlier than the quiet, or a pass that began before it would do.
 */
async function quietSince(world: SwitchoverWorld, { signal }: StepTools): Promise<Date> {
  const ours = world.now().getTime()
  const theirs = (await world.source.readClock({ signal }))?.getTime() ?? ours
  return new Date(Math.min(ours, theirs + clockStepMs))
}

async function stopJobs(
  world: SwitchoverWorld,
  tools: StepTools,
  jobs: readonly string[],
): Promise<void> {
  for (const name of jobs) {
    // One by one: of a job that is noted an abort does not know whether it was told to stop.
    const { jobs: stopped } = await noteQuieted(world, [], [name])
    await world.jobs.markStopped(world.group, world.source.name, stopped)
    await world.source.cancelJob(name, { epoch: world.expectedEpoch, signal: tools.signal })
  }
  // Who never ends is seen by the look.
  await untilStopped(world, tools, () => movingJobs(world, tools))
}

export async function isCaughtUp(world: SwitchoverWorld): Promise<Look> {
  if (await isRaised(world)) return { done: true, detail: 'The point was chosen.' }
  const quiet = await readFact(world, 'quiet')
  const point = await world.ledger.readPoint(ledgerDirection(world))
  if (quiet === undefined || point === undefined || point.at < quiet.since) {
    return { done: false, detail: 'What the source wrote last is not proven yet.' }
  }
  return { done: true, detail: `Everything in scope as of ${point.at} is proven.` }
}

/** I4: a switchover without a whole point would be a failover by another name. */
export async function catchUp(world: SwitchoverWorld, tools: StepTools): Promise<undefined> {
  for (let look = 0; look < clockLooks; look += 1) {
    await passWhole(world, tools)
    if ((await isCaughtUp(world)).done) return
    await world.sleep(clockLookMs, tools.signal)
  }
}

/** `isEnough`: what will do besides a whole pass, after as many tries. */
async function passWhole(
  world: SwitchoverWorld,
  tools: StepTools,
  isEnough: (result: PassResult) => boolean = () => false,
): Promise<void> {
  for (let pass = 1; ; pass += 1) {
    const result = await world.replicateOut({
      epoch: world.expectedEpoch,
      signal: tools.signal,
      onProgress: (done, total, bytes) => tools.progress({ done, total, bytes }),
    })
    if (result.outcome === 'complete') return
    tools.signal.throwIfAborted()
    if (pass < passLimit) continue
    if (isEnough(result)) return
    const { failed, pending, conflicts, error } = result
    throw new HoldfastError(
      'switchover.not-caught-up',
      error?.message ??
        `After ${passLimit} passes ${failed} objects failed, ${pending} wait, ${conflicts} are in conflict.`,
      { kind: 'operator', hint: notCaughtUpHint(conflicts) },
    )
  }
}

const notCaughtUpHint = (conflicts: number) =>
  conflicts > 0
    ? 'Decide about what both sides changed: `holdfast conflicts`, then `holdfast conflicts resolve OBJECT --keep …` and `holdfast sync`; then start the same again.'
    : 'See them with `holdfast objects`; then start the same again.'

/**
 * The fence before gives up on what it cannot close, as a failover has to; a source that answers
 * is closed here or the step fails: what is written after a salvage would be lost (I7).
 */
export async function salvageFenced(
  world: SwitchoverWorld,
  tools: StepTools,
): Promise<Ending | undefined> {
  await cancelCopies(world, tools)
  if (!(await oldPrimaryIsFenced(world, tools)).done) await fenceOldPrimary(world, tools)
  return salvage(world, tools)
}

/** A source that was fenced and has got its traffic back is not fenced a second time. */
export async function wasFenced(world: SwitchoverWorld, tools: StepTools): Promise<Look> {
  if ((await readFact(world, 'returning')) === undefined) return sourceIsFenced(world, tools)
  return { done: true, detail: `${world.source.name} was fenced and is secondary.` }
}

export async function giveTrafficBack(
  world: SwitchoverWorld,
  tools: StepTools,
): Promise<undefined> {
  await writeFact(world, 'returning', { at: world.now().toISOString() })
  return returnEndpoints(world, tools)
}

/** A source that died on the way ends its part; re-protection brings over what it still had (I7). */
export function whileSourceAnswers(
  act: (world: SwitchoverWorld, tools: StepTools) => Promise<Ending | undefined>,
) {
  return async (world: SwitchoverWorld, tools: StepTools): Promise<Ending | undefined> => {
    const reason = await whySilent(world, tools)
    if (reason === null) return act(world, tools)
    return {
      partial: `${world.source.name} does not answer (${reason}); run \`holdfast reprotect\` when it is back.`,
    }
  }
}

/**
 * A source that was silent when its writes were to be brought over may be neither fenced nor looked
 * through, whatever it answers now: the rest is left to re-protection, which begins with both (I7).
 */
export function onceSalvaged(
  act: (world: SwitchoverWorld, tools: StepTools) => Promise<Ending | undefined>,
) {
  return whileSourceAnswers(async (world, tools) => {
    if ((await readFact(world, 'salvage')) !== undefined) return act(world, tools)
    return {
      partial: `What ${world.source.name} had last is not brought over; run \`holdfast reprotect\`.`,
    }
  })
}

export function whenSourceAnswers(
  look: (world: SwitchoverWorld, tools: StepTools) => Promise<Look>,
) {
  return async (world: SwitchoverWorld, tools: StepTools): Promise<Look> => {
    const reason = await whySilent(world, tools)
    return reason === null ? look(world, tools) : { done: false, detail: reason }
  }
}

async function whySilent(world: SwitchoverWorld, tools: StepTools): Promise<string | null> {
  try {
    const probe = await world.source.probe('arm', { signal: tools.signal })
    return probe.healthy ? null : (probe.reason ?? 'it is not healthy')
  } catch (error) {
    tools.signal.throwIfAborted()
    return toRunError(error).message
  }
}

async function isRaised(world: SwitchoverWorld): Promise<boolean> {
  return (await world.epochs.current(world.group))?.begunBy === world.run
}

/** Captured jobs that the target will run and that have not ended here; the others end where they are. */
async function movingJobs(world: SwitchoverWorld, tools: StepTools): Promise<string[]> {
  const capture = await world.jobs.readCapture(world.group, world.source.name)
  const proven = await provenSoFar(world.ledger, ledgerDirection(world))
  const moving: string[] = []
  for (const job of capture?.jobs ?? []) {
    const { decision } = decide(job, world.jobPolicy, await resumptionOf(job, proven), world.now())
    if (decision !== 'resubmit') continue
    if (await goesOn(world.source, job.name, tools.signal)) moving.push(job.name)
  }
  return moving
}

import { allItems } from '../../src/api/all-items.ts'
import { type Acknowledged, stands } from './clients.ts'
import { isRunOf, readTruth, untilJobsEnd } from './jobs.ts'
import type { Scene } from './round.ts'
import { look } from './settle.ts'
import type { MemberName, World } from './world.ts'

/** What is wrong after everything has come to rest. All of it has to be empty. */
export interface Findings {
  readonly acknowledged: number
  /** Acknowledged, not at the effective primary, and named nowhere. */
  readonly lostUnreported: readonly string[]
  /** Acknowledged, not at the effective primary, and named by a report or a conflict. */
  readonly lostReported: readonly string[]
  readonly jobsLost: readonly string[]
  readonly jobsDoubled: readonly string[]
  /** Jobs that came to their end in a region that was cut off, and again elsewhere; nobody can fence that. */
  readonly jobsRanOn: readonly string[]
  readonly contradictions: readonly string[]
}

const jobLimitMs = 20_000

export async function findings(
  { world, writer, witness }: Scene,
  primary: MemberName,
  since: number,
): Promise<Findings> {
  const recent = writer.acknowledged.filter(({ at }) => at >= since)
  const absent: Acknowledged[] = []
  for (const write of recent.filter(({ kind }) => kind !== 'job')) {
    if (!(await stands(world.workspaces[primary], write))) absent.push(write)
  }
  const jobs = writer.acknowledged.filter(({ kind }) => kind === 'job').map(({ name }) => name)
  const newest = jobs.slice(-3)
  const states = await untilJobsEnd(world, primary, newest, jobLimitMs)
  const reports = await whatIsNamed(world)
  const truth = readTruth(world)
  const ended = (job: string) => [...truth.ends.keys()].filter((run) => isRunOf(run, job))
  // What failed because its machine went away, and was not moved, everybody can see: as a job where
  // it ran, and after a later move as a run at the new primary.
  const runs = await Promise.all(newest.map((job) => world.workspaces[primary].getRun(job)))
  const seen = [
    ...states,
    ...runs.flatMap((run) => (run ? [[run.runId, run.status] as const] : [])),
  ]
  const isSeen = (job: string) =>
    seen.some(([run, state]) => isRunOf(run, job) && /^(Completed|Failed)$/.test(state))
  // `written-1` is not named where `written-12` is.
  const named = ({ name }: { readonly name: string }) => new RegExp(`${name}(?!\\d)`).test(reports)
  const names = (writes: readonly Acknowledged[]) =>
    writes.map(({ kind, name, member }) => `${kind} ${name} written at ${member}`)
  return {
    acknowledged: recent.length,
    lostUnreported: names(absent.filter((write) => !named(write))),
    lostReported: names(absent.filter(named)),
    jobsLost: newest
      .filter((job) => ended(job).length === 0 && !isSeen(job) && !isNamed(reports, job))
      .map((job) => `${job}: ${JSON.stringify([...states])}`),
    jobsDoubled: [...truth.starts]
      .filter(([run, count]) => count > 1 || (truth.ends.get(run) ?? 0) > 1)
      .map(
        ([run, count]) => `${run} began ${count} times, ended ${truth.ends.get(run) ?? 0} times`,
      ),
    jobsRanOn: newest.filter((job) => ended(job).length > 1).map((job) => ended(job).join(' and ')),
    contradictions: witness.violations,
  }
}

/** As a job that a human has to look at, or that was left on purpose. */
const isNamed = (reports: string, job: string): boolean =>
  new RegExp(`"job":"${job}"[^}]*"decision":"(manual|leave|finished)"`).test(reports)

/** Everything that reports, conflicts and the list of jobs name. */
async function whatIsNamed(world: World): Promise<string> {
  const found = await look(world)
  if (found === undefined) throw new Error('no controller answers after the round')
  const { client } = found
  const operations = (await client.operations({ group: world.group })).items.filter(
    ({ report }) => report !== null,
  )
  const texts = await Promise.all(operations.slice(0, 8).map(({ id }) => client.report(id, 'json')))
  const jobs = await allItems((place) => client.jobs(world.group, place))
  const conflicts = await allItems((place) => client.conflicts(world.group, place))
  return [...texts.map(withoutProven), JSON.stringify(jobs), JSON.stringify(conflicts)].join('\n')
}

/** What a report calls proven or salvaged it does not call lost. */
function withoutProven(text: string): string {
  const { objects, salvage, ...rest } = JSON.parse(text) as {
    objects?: { proven?: unknown }
    salvage?: { salvaged?: unknown } | null
  }
  return JSON.stringify({
    ...rest,
    objects: { ...objects, proven: [] },
    salvage: { ...salvage, salvaged: [] },
  })
}

import { isOpen } from '../../src/jobs/job-state.ts'
import { formatObjectId } from '../../src/model/object-id.ts'
import { isScheduleOn } from '../../src/replication/standing-form.ts'
import { isEnded } from '../../src/runbook/run-state.ts'
import { quietMovesOf } from '../../src/runbooks/quiet-moves.ts'
import type { Controller } from './controller.ts'
import type { MemberName } from './scenario.ts'
import { groupName, type Simulated } from './simulated.ts'
import { client } from './truth.ts'

const lookMs = 10_000
const looks = 24

/** All is well again, and somebody brings every procedure to its end, as the documents say. */
export async function settleDown(
  sim: Simulated,
  controllers: readonly Controller[],
  isOver: () => boolean,
): Promise<void> {
  const { schedule, records, check } = sim
  let reprotections = 0
  let quiet = 0
  for (let look = 0; look < looks && quiet < 2 && !isOver(); look += 1) {
    await schedule.run(schedule.now() + lookMs, isOver)
    if (isOver()) return
    const runs = await records.journal.list({ group: groupName })
    const open = runs.find(({ state }) => !isEnded(state))
    const epoch = await records.epochs.current(groupName)
    const protection = await records.protection.read(groupName)
    const owner =
      controllers.find(({ name }) => name === ownerOf(sim, open?.header.id)) ?? controllers[0]
    const begun = runs.find(({ header }) => header.id === epoch?.begunBy)
    const ask = (type: 'failover' | 'switchover' | 'reprotect') => {
      quiet = 0
      owner?.ask(type, true).catch((error: unknown) => check.refused(`settling ${type}`, error))
    }
    const last = runs[0]
    if (open !== undefined) quiet = 0
    else if (begun !== undefined && begun.state.status !== 'done')
      ask(begun.header.runbook as 'failover')
    else if ((epoch?.epoch ?? 1) > 1 && protection?.epoch !== epoch?.epoch) ask('reprotect')
    else if (protection?.state === 'unsalvaged') ask('reprotect')
    else if (
      last?.header.runbook === 'reprotect' &&
      !(last.state.status === 'done' && last.state.outcome === 'complete') &&
      reprotections < 2
    ) {
      reprotections += 1
      ask('reprotect')
    } else quiet += 1
  }
  if (quiet < 2) {
    const runs = await records.journal.list({ group: groupName })
    const states = runs.map(({ header, state }) => `${header.id} ${state.status}`).join(', ')
    check.violated('I2', `nothing comes to an end: ${states}`)
  }
}

function ownerOf(sim: Simulated, run: string | undefined): string | undefined {
  return [...sim.owners].find(([id]) => id.startsWith(`${run}/`))?.[1]
}

/** What must be true once everything has come to rest. */
export async function checkEnd(sim: Simulated): Promise<void> {
  const { truth, records, check } = sim
  const epoch = await records.epochs.current(groupName)
  const primary = (epoch?.primary ?? 'east') as MemberName
  const secondary: MemberName = primary === 'east' ? 'west' : 'east'
  const conflicts = await conflictsOf(sim)
  for (const member of ['east', 'west'] as const) {
    for (const [object, versions] of truth.versions[member]) {
      const last = versions.findLast(({ by }) => by === client)
      if (last === undefined) continue
      const there = truth.versions[primary].get(object) ?? []
      const isThere = there.some(({ stamp }) => stamp === last.stamp)
      const isKept = versions.at(-1)?.stamp === last.stamp && conflicts.has(object)
      if (!isThere && !isKept)
        check.violated('I7', `${object} as ${last.stamp} of ${member} is lost`)
      const now = there.at(-1)
      const isOlder = now !== undefined && writtenAt(sim, object, now.stamp) < last.at
      if (isThere && !isKept && isOlder)
        check.violated('I3', `${object} went back from ${last.stamp} to ${now.stamp} at ${primary}`)
    }
  }
  await checkJobs(sim)
  await checkSchedules(sim, primary, secondary)
  const point = await records.ledger.readPoint({
    group: groupName,
    source: primary,
    target: secondary,
  })
  if (point === undefined && conflicts.size === 0)
    check.violated('I4', 'no point after all came to rest')
}

/** When a client wrote this content first, wherever. */
function writtenAt({ truth }: Simulated, object: string, stamp: string): number {
  const all = (['east', 'west'] as const).flatMap((one) => truth.versions[one].get(object) ?? [])
  return Math.min(...all.filter((one) => one.stamp === stamp).map(({ at }) => at))
}

async function conflictsOf({ records }: Simulated): Promise<Set<string>> {
  const found = new Set<string>()
  for (const [source, target] of [
    ['east', 'west'],
    ['west', 'east'],
  ] as const) {
    const rows = await records.ledger.rows(
      { group: groupName, source, target },
      { state: 'conflict', limit: 1000 },
    )
    for (const { object } of rows) found.add(object)
  }
  for (const { header } of await records.journal.list({ group: groupName })) {
    const report = await records.reports.read(header.id)
    for (const { object } of report?.salvage?.conflicts ?? []) found.add(object)
  }
  return found
}

/** I6: whatever was moved runs at one place only. */
async function checkJobs({ truth, records, check }: Simulated): Promise<void> {
  for (const { begunBy } of await records.epochs.history(groupName)) {
    const decisions = begunBy === null ? undefined : await records.jobs.readDecisions(begunBy)
    for (const { job, decision, resubmittedAs } of decisions?.jobs ?? [])
      if (decision === 'resubmit' && resubmittedAs === null)
        check.violated('I6', `${job} was to run again and never did`)
  }
  const running = new Map<string, string[]>()
  for (const { member, name, origin } of truth.submissions) {
    const found = await truth.memory[member].getObject({ kind: 'job', path: [name] })
    const status = String((found?.body.properties as { status?: string } | undefined)?.status)
    if (isOpen(status))
      running.set(origin, [...new Set([...(running.get(origin) ?? []), `${member}/${name}`])])
  }
  for (const [origin, places] of running)
    if (places.length > 1) check.violated('I6', `${origin} runs as ${places.join(' and ')}`)
}

/** I7: what people turned on is on where the group works, or said to be off; I6: and nowhere else. */
async function checkSchedules(
  { truth, records, check }: Simulated,
  primary: MemberName,
  secondary: MemberName,
): Promise<void> {
  const epoch = (await records.epochs.current(groupName))?.epoch ?? 1
  const moves = await quietMovesOf({ ...records, group: groupName }, epoch)
  const said = new Set(moves.flatMap(({ quieted: { schedules } }) => schedules))
  const there = await truth.memory[primary].listObjects('schedule')
  for (const { id, body } of there.items)
    if (!isScheduleOn(body) && !said.has(formatObjectId(id)))
      check.violated('I7', `${formatObjectId(id)} is off at ${primary}`)
  const here = await truth.memory[secondary].listObjects('schedule')
  for (const { id, body } of here.items)
    if (isScheduleOn(body)) check.violated('I6', `${formatObjectId(id)} is on at ${secondary}, too`)
}

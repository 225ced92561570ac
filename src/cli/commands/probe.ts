import type { Command } from 'commander'
import { createClient } from '../../api/client.ts'
import type { VantageReport } from '../../api/contract.ts'
import { closeMembers, openMembers } from '../../controller/members.ts'
import { startWatch } from '../../controller/watch.ts'
import type { DetectionState } from '../../detection/detector.ts'
import { probeTimeoutMs } from '../../detection/prober.ts'
import { evidence } from '../../detection/verdict.ts'
import { HoldfastError, isHoldfastError } from '../../model/errors.ts'
import { loadPlan } from '../../plan/load-plan.ts'
import { durationWithDefault } from '../duration-option.ts'
import { type GroupOptions, groupCommand } from '../group-command.ts'
import { createOutput, type Output } from '../output.ts'
import { untilStopped } from '../until-stopped.ts'

interface ProbeOptions extends GroupOptions {
  readonly name: string
  readonly probeEvery: number
  readonly exitWithParent?: boolean
}

export function probeCommand(): Command {
  return groupCommand(
    'probe',
    'run a vantage point: probe the members from here and tell the controller',
    ['HOLDFAST_TOKEN=… holdfast probe --name north --server http://10.0.0.5:7420'],
  )
    .requiredOption('--name <name>', 'as the plan names it below decide.vantagePoints')
    .addOption(durationWithDefault('--probe-every <duration>', 'from one round to the next', 5000))
    .option('--exit-with-parent', 'end when standard input closes')
    .action(run)
}

async function run(options: ProbeOptions): Promise<void> {
  const output = createOutput(options)
  const { server } = options
  if (server === undefined) {
    throw new HoldfastError(
      'usage.server',
      'A vantage point needs the address of its controller.',
      {
        kind: 'operator',
        hint: 'Name it with --server http://HOST:PORT; the token goes into HOLDFAST_TOKEN.',
      },
    )
  }
  const stopped = untilStopped(options)
  const plan = await loadPlan(options.plan)
  const token = process.env.HOLDFAST_TOKEN
  const client = createClient({ url: server, ...(token === undefined ? {} : { token }) })
  // It only ever reads, so it knows no epoch.
  const members = await openMembers(plan, async () => Number.MAX_SAFE_INTEGER)
  const tell = teller(output, (report) => client.view(plan.group, report))
  const watch = startWatch({
    members,
    everyMs: options.probeEvery,
    timeoutMs: probeTimeoutMs,
    clock: () => new Date(),
    // It keeps nothing over its own end.
    heard: {},
    onRound: () => void tell(reportOf(options.name, watch.state())),
  })
  output.result(
    { name: options.name, server, pid: process.pid },
    () =>
      `Vantage point ${options.name} probes ${plan.members.map(({ name }) => name).join(' and ')}.`,
  )
  const why = await stopped
  output.note(`Vantage point ${options.name} is stopping (${why}).`)
  await watch.stop()
  await closeMembers(members)
}

/** Says once when the controller stops or begins to answer; probing goes on either way. */
function teller(output: Output, send: (report: VantageReport) => Promise<void>) {
  let said = ''
  return async (report: VantageReport): Promise<void> => {
    let now = 'The controller hears this vantage point.'
    try {
      await send(report)
    } catch (error) {
      now = isHoldfastError(error) ? `${error.message} [${error.code}]` : String(error)
    }
    if (now !== said) output.note(now)
    said = now
  }
}

function reportOf(vantagePoint: string, state: DetectionState): VantageReport {
  const members = Object.entries(state.members).map(([name, member]) => [
    name,
    { health: member.health, since: member.since, evidence: evidence(name, member).slice(0, 1000) },
  ])
  return { vantagePoint, members: Object.fromEntries(members) }
}

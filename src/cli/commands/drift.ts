import type { Command } from 'commander'
import type { DriftReport } from '../../api/drift-contract.ts'
import { confirmOrRefuse } from '../confirm.ts'
import { onlyGroup } from '../connect.ts'
import { exitCodes } from '../exit-codes.ts'
import { endingOf } from '../follow-operation.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput } from '../output.ts'
import { planTextOf } from '../plan-text.ts'
import { followWithSteps } from '../step-view.ts'
import { countText, tableText } from '../text.ts'

interface DriftOptions extends GroupOptions {
  readonly fix?: boolean
  readonly yes?: boolean
}

export function driftCommand(): Command {
  return groupCommand(
    'drift',
    'what differs at the secondary other than by lag',
    [
      'holdfast drift',
      'holdfast drift --json || test $? -eq 3   # 3: there is drift',
      'holdfast drift --fix --yes',
      'holdfast drift -o csv > drift.csv',
    ],
    { rows: true },
  )
    .option('--fix', 'show what a full sync would do, ask, and do it')
    .option('--yes', 'do not ask')
    .action(run)
}

async function run(options: DriftOptions): Promise<void> {
  const output = createOutput(options)
  await withController(options, async (connection, interrupted) => {
    const { client } = connection
    const { group } = onlyGroup(await client.status({ signal: interrupted }))
    const drift = await client.drift(group, { signal: interrupted })
    const fixable = drift.findings.filter(({ fix }) => fix === 'sync').length
    if (!options.fix || fixable === 0) {
      output.result(
        drift,
        () => driftText(drift),
        () => drift.findings,
      )
      process.exitCode = drift.findings.length === 0 ? exitCodes.ok : exitCodes.partial
      return
    }
    output.note(driftText(drift))
    output.note(planTextOf(await client.plan(group, { signal: interrupted, full: true })))
    const question = `Bring ${drift.to} back to what ${drift.from} has?`
    await confirmOrRefuse(question, { output, interrupted, yes: options.yes })
    const started = await client.start(group, 'sync', { full: true })
    const following = { connection, output, interrupted }
    const operation = await followWithSteps(started, following)
    const { exitCode, sentence } = endingOf(operation, following)
    const left = drift.findings.length - fixable
    output.result(
      { drift, operation },
      () =>
        [sentence, ...(left === 0 ? [] : [`${left} of them no sync mends; see above.`])].join('\n'),
      () => drift.findings,
    )
    process.exitCode = exitCode === exitCodes.ok && left > 0 ? exitCodes.partial : exitCode
  })
}

function driftText({ from, to, findings, notCompared }: DriftReport): string {
  const silence = `Not compared: ${notCompared.join(', ')}.`
  if (findings.length === 0) return `${to} has what ${from} has, but for lag.\n${silence}`
  const rows = findings.map(({ severity, object, reason, fix }) => [severity, object, reason, fix])
  return [
    tableText(['SEVERITY', 'OBJECT', 'WHAT', 'MENDED BY'], rows, { drop: ['MENDED BY'] }),
    `${countText(findings.length, 'finding')}. ${silence}`,
  ].join('\n')
}

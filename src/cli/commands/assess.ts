import type { Command } from 'commander'
import pc from 'picocolors'
import type { Readiness } from '../../api/contract.ts'
import { onlyGroup } from '../connect.ts'
import { exitCodes } from '../exit-codes.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput } from '../output.ts'

export function assessCommand(): Command {
  return groupCommand('assess', 'could we fail over now? what stands in the way, and its remedy', [
    'holdfast assess',
    'holdfast assess --json',
  ])
    .addHelpText('after', '\nExits with 0 when ready, 3 when degraded, 4 when not ready.')
    .action(run)
}

async function run(options: GroupOptions): Promise<void> {
  const output = createOutput(options)
  await withController(options, async ({ client }, signal) => {
    const { group } = onlyGroup(await client.status({ signal }))
    const readiness = await client.readiness(group, { signal })
    output.result(readiness, () => readinessText(readiness))
    process.exitCode = codes[readiness.verdict]
  })
}

const codes = {
  ready: exitCodes.ok,
  degraded: exitCodes.partial,
  'not-ready': exitCodes.operator,
} as const
const colours = { ready: pc.green, degraded: pc.yellow, 'not-ready': pc.red } as const

function readinessText({ group, verdict, findings, rules }: Readiness): string {
  const lines = findings.flatMap(({ rule, level, sentence, evidence, remedy }) => [
    '',
    `${colours[level](level)}  ${sentence}  [${rule}]`,
    ...evidence.slice(0, 10).map((line) => `  - ${line}`),
    ...(evidence.length > 10 ? [`  - and ${evidence.length - 10} more`] : []),
    `  next  ${remedy}`,
  ])
  const head = `${group} is ${colours[verdict](verdict)} for a failover now; rules looked at: ${rules.length}.`
  return [head, ...lines].join('\n')
}

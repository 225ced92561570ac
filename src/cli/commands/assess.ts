import type { Command } from 'commander'
import type { Readiness } from '../../api/contract.ts'
import { colours as pc } from '../colours.ts'
import { onlyGroup } from '../connect.ts'
import { exitCodes } from '../exit-codes.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput } from '../output.ts'

export function assessCommand(): Command {
  return groupCommand(
    'assess',
    'could we fail over now? what stands in the way, and its remedy',
    ['holdfast assess', 'holdfast assess -o csv > findings.csv'],
    { rows: true },
  ).action(run)
}

async function run(options: GroupOptions): Promise<void> {
  const output = createOutput(options)
  await withController(options, async ({ client }, signal) => {
    const { group } = onlyGroup(await client.status({ signal }))
    const readiness = await client.readiness(group, { signal })
    output.result(
      readiness,
      () => readinessText(readiness),
      () => readiness.findings,
    )
    process.exitCode = codes[readiness.verdict]
  })
}

const codes = {
  ready: exitCodes.ok,
  degraded: exitCodes.partial,
  'not-ready': exitCodes.operator,
} as const
const verdictColours = { ready: pc.green, degraded: pc.yellow, 'not-ready': pc.red } as const

function readinessText({ group, verdict, findings, rules }: Readiness): string {
  const lines = findings.flatMap(({ rule, level, sentence, evidence, remedy }) => [
    '',
    `${verdictColours[level](level)}  ${sentence}  [${rule}]`,
    ...evidence.slice(0, 10).map((line) => `  - ${line}`),
    ...(evidence.length > 10 ? [`  - and ${evidence.length - 10} more`] : []),
    `  next  ${remedy}`,
  ])
  const head = `${group} is ${verdictColours[verdict](verdict)} for a failover now; rules looked at: ${rules.length}.`
  return [head, ...lines].join('\n')
}

import { type Command, InvalidArgumentError, Option } from 'commander'
import type { LedgerRow } from '../../api/contract.ts'
import { onlyGroup } from '../connect.ts'
import { endingOf, followOperation } from '../follow-operation.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { kindOption } from '../kind-option.ts'
import { allObjects } from '../ledger-pages.ts'
import { createOutput } from '../output.ts'
import { passWriter, stderrProgress } from '../show-steps.ts'
import { countText, tableText } from '../text.ts'

interface VerifyOptions extends GroupOptions {
  readonly full?: boolean
  readonly sample?: number
  readonly kind?: string
}

export function verifyCommand(): Command {
  return groupCommand('verify', 'read proven objects again on both sides, bytes included', [
    'holdfast verify --full',
    'holdfast verify --sample 2% --json || test $? -eq 3   # 3: something differs',
    'holdfast verify --full --kind blob',
  ])
    .option('--full', 'everything that is proven')
    .addOption(
      new Option('--sample <share>', 'a share of it, another one each time, e.g. 2%')
        .argParser(shareOf)
        .conflicts('full'),
    )
    .option('--kind <kind>', 'only this kind, e.g. blob', kindOption)
    .action(run)
}

export function shareOf(text: string): number {
  const [, number = '', percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? []
  const share = Number(number) / (percent === '%' ? 100 : 1)
  if (number !== '' && share > 0 && share <= 1) return share
  throw new InvalidArgumentError('Write a share such as 2% or 0.02.')
}

async function run(options: VerifyOptions, command: Command): Promise<void> {
  if (options.full !== true && options.sample === undefined)
    command.error('error: say how much is to be read: --full or --sample 2%')
  const output = createOutput(options)
  const progress = stderrProgress(output.interactive)
  await withController(options, async (connection, interrupted) => {
    const { client } = connection
    const { group } = onlyGroup(await client.status({ signal: interrupted }))
    const { kind, sample = 1 } = options
    const verify = { share: sample, ...(kind === undefined ? {} : { kind }) }
    const started = await client.start(group, 'verify', { verify })
    const following = { connection, output, interrupted, onChange: passWriter(progress) }
    const operation = await followOperation(started, following)
    progress.clear()
    const { exitCode, sentence } = endingOf(operation, following)
    const failed = operation.outcome === 'partial' ? await failedOf() : []
    output.result({ operation, different: failed }, () =>
      [sentence, ...differentLines(failed)].join('\n'),
    )
    if (output.forPrograms && exitCode !== 0) output.note(sentence)
    process.exitCode = exitCode

    async function failedOf(): Promise<LedgerRow[]> {
      const query = { state: 'failed', ...(kind === undefined ? {} : { kind }) }
      const rows = await allObjects(client, group, query)
      return rows.filter(({ error }) => error?.code.startsWith('verify.'))
    }
  })
}

function differentLines(rows: readonly LedgerRow[]): string[] {
  if (rows.length === 0) return []
  return [
    `Not what was proven: ${countText(rows.length, 'object')}. Mend it: holdfast sync`,
    tableText(
      ['KIND', 'OBJECT', 'CODE', 'WHY'],
      rows.map(({ kind, object, error }) => [
        ...[kind, object, error?.code ?? '', error?.message ?? ''],
      ]),
      { drop: ['KIND'] },
    ),
  ]
}

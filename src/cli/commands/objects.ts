import { type Command, Option } from 'commander'
import type { LedgerRow } from '../../api/contract.ts'
import { onlyGroup } from '../connect.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { kindOption } from '../kind-option.ts'
import { allObjects } from '../ledger-pages.ts'
import { createOutput } from '../output.ts'
import { bytesText, tableText } from '../text.ts'

interface ObjectsOptions extends GroupOptions {
  readonly only?: string
  readonly kind?: string
}

const states = ['proven', 'pending', 'failed', 'conflict', 'apart', 'skipped']

export function objectsCommand(): Command {
  return groupCommand(
    'objects',
    'the ledger: every object and whether it is proven',
    ['holdfast objects --only failed', 'holdfast objects --kind model -o csv > models.csv'],
    { rows: true },
  )
    .addOption(new Option('--only <state>', 'only objects in this state').choices(states))
    .option('--kind <kind>', 'only this kind, e.g. model', kindOption)
    .action(run)
}

async function run(options: ObjectsOptions): Promise<void> {
  const output = createOutput(options)
  const items = await withController(options, async ({ client }, signal) => {
    const { group } = onlyGroup(await client.status({ signal }))
    const query = {
      ...(options.kind === undefined ? {} : { kind: options.kind }),
      ...(options.only === undefined ? {} : { state: options.only }),
    }
    return allObjects(client, group, query, { signal })
  })
  output.result(
    { items },
    () => (items.length === 0 ? 'No such object.' : objectsText(items)),
    () => items,
  )
}

function objectsText(rows: readonly LedgerRow[]): string {
  return tableText(
    ['KIND', 'OBJECT', 'STATE', 'SIZE', 'ERROR'],
    rows.map(({ kind, object, state, bytes, error }) => [
      ...[kind, object, state, bytesText(bytes)],
      error === null ? '' : `${error.code}: ${error.message}`,
    ]),
    { drop: ['SIZE', 'KIND'] },
  )
}

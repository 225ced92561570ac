import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { allItems } from '../../api/all-items.ts'
import type { KeptContent } from '../../api/conflict-contract.ts'
import { HoldfastError } from '../../model/errors.ts'
import { onlyGroup } from '../connect.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput } from '../output.ts'
import { countText, tableText } from '../text.ts'

export function keptCommand(): Command {
  return groupCommand(
    'kept',
    'what resolutions put aside',
    [
      'holdfast conflicts kept model/fraud/3',
      'holdfast conflicts kept show 3f2a9c51 --out lost.json',
    ],
    { rows: true },
  )
    .enablePositionalOptions()
    .addCommand(showCommand())
    .argument('[object]', 'only of this object')
    .action(list)
}

function showCommand(): Command {
  return groupCommand('show', 'one of them; what is sealed in it is written to a file only', [
    'holdfast conflicts kept show 3f2a9c51',
    'holdfast conflicts kept show 3f2a9c51 --out lost.json   # with its secrets, for an admin',
  ])
    .argument('<id>', 'as `holdfast conflicts kept` names it, or how it begins')
    .option('--out <file>', 'write the document here, secrets and all; only you can read the file')
    .action(show)
}

async function list(object: string | undefined, options: GroupOptions): Promise<void> {
  const output = createOutput(options)
  const items = await withController(options, async ({ client }, signal) => {
    const { group } = onlyGroup(await client.status({ signal }))
    const only = object === undefined ? {} : { object }
    return allItems((place) => client.keptContent(group, { ...only, ...place }, { signal }))
  })
  output.result(
    { items },
    () => listText(items),
    () => items,
  )
}

interface ShowOptions extends GroupOptions {
  readonly out?: string
}

async function show(id: string, options: ShowOptions): Promise<void> {
  const output = createOutput(options)
  const { out } = options
  const item = await withController(options, async ({ client }, signal) => {
    const { group } = onlyGroup(await client.status({ signal }))
    const all = await allItems((place) => client.keptContent(group, place, { signal }))
    const one = onlyOne(all, id)
    if (out === undefined) return one
    const whole = await client.openKept(group, { object: one.object, id: one.id }, { signal })
    writeSecretly(out, `${JSON.stringify(whole.body, null, 2)}\n`)
    return one
  })
  output.result(out === undefined ? item : { ...item, out }, () => showText(item, out))
}

function onlyOne(items: readonly KeptContent[], id: string): KeptContent {
  const [found, other] = items.filter((one) => one.id.startsWith(id))
  if (found !== undefined && other === undefined) return found
  const [code, what] =
    found === undefined
      ? ['kept.not-found', `Nothing is kept as ${id}.`]
      : ['kept.ambiguous', `More than one begins with ${id}.`]
  throw new HoldfastError(code, what, {
    ...{ kind: 'operator', hint: 'List what is: holdfast conflicts kept' },
  })
}

/** For its owner alone, and never over what is there. */
function writeSecretly(file: string, text: string): void {
  try {
    writeFileSync(file, text, { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    throw new HoldfastError('usage.out-file', `Nothing can be written to ${file}.`, {
      ...{ kind: 'operator', place: file, cause },
      hint: 'Name a file that does not exist, in a folder that does.',
    })
  }
}

function listText(items: readonly KeptContent[]): string {
  if (items.length === 0) return 'Nothing was put aside.'
  const rows = items.map(({ id, object, member, at, body, kind }) => [
    ...[id, object, member, at],
    kind === 'blob' ? `${body.member}: ${body.store}/${body.name}` : 'here: kept show ID',
  ])
  return tableText(['ID', 'OBJECT', 'OF', 'AT', 'WHERE'], rows)
}

function showText({ object, member, at, body, seals, kind }: KeptContent, out?: string): string {
  const head = `${object} as it was at ${member}, put aside ${at}`
  if (out !== undefined) return `${head}\nWritten to ${out}, which only you can read.`
  const where =
    kind === 'blob' ? [`Its bytes are at ${body.member}: ${body.store}/${body.name}`] : []
  const sealed =
    seals === 0 ? [] : [`${countText(seals, 'text')} may be secret and not shown: --out FILE`]
  return [head, ...where, ...sealed, JSON.stringify(body, null, 2)].join('\n')
}

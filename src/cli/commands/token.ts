import { type Command, Option } from 'commander'
import type { CreateToken, ServiceToken } from '../../api/access-contract.ts'
import { allItems } from '../../api/all-items.ts'
import type { ApiClient } from '../../api/client.ts'
import { HoldfastError } from '../../model/errors.ts'
import { onlyGroup } from '../connect.ts'
import { durationWithDefault } from '../duration-option.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput } from '../output.ts'
import { tableText } from '../text.ts'

interface TokenOptions extends GroupOptions {
  readonly group?: string
}

export function tokenCommand(): Command {
  return groupCommand('token', 'tokens of machines: create, list, revoke', [
    'holdfast token create --name ci --role viewer --expires 30d',
    'holdfast token list',
    'holdfast token revoke ci',
  ])
    .enablePositionalOptions()
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(revokeCommand())
    .action(list)
}

const dayMs = 86_400_000
const groupOption = ['--group <name>', 'failover group; default: that of the controller'] as const

function createCommand(): Command {
  return groupCommand('create', 'create a token and print it, this once', [
    'holdfast token create --name ci --role viewer --group fraud --expires 30d',
    'HOLDFAST_TOKEN="$(holdfast token create --name ci --role viewer --json | jq -r .token)"',
  ])
    .requiredOption(
      '--name <name>',
      'as it is written into operations, decisions and the audit log',
    )
    .addOption(
      new Option('--role <role>', 'what it may do; machines neither approve nor administer')
        .choices(['viewer', 'operator'])
        .makeOptionMandatory(),
    )
    .option(...groupOption)
    .addOption(durationWithDefault('--expires <duration>', 'for how long it is good', 30 * dayMs))
    .action(create)
}

function listCommand(): Command {
  return groupCommand('list', 'list them, those that are over included', ['holdfast token list'], {
    rows: true,
  })
    .option(...groupOption)
    .action(list)
}

function revokeCommand(): Command {
  return groupCommand('revoke', 'make one worthless at once', ['holdfast token revoke ci'])
    .argument('<name>')
    .option(...groupOption)
    .action(revoke)
}

interface CreateOptions extends TokenOptions {
  readonly name: string
  readonly role: CreateToken['role']
  readonly expires: number
}

async function create(options: CreateOptions): Promise<void> {
  const output = createOutput(options)
  const { name, role, expires: expiresInMs } = options
  const made = await withController(options, async ({ client }, signal) =>
    client.createToken(await groupOf(client, options), { name, role, expiresInMs }, { signal }),
  )
  output.result(made, () => made.token)
  output.note(
    `It is not shown again. Good until ${made.entry.expiresAt}; use it as HOLDFAST_TOKEN.`,
  )
}

async function list(options: TokenOptions): Promise<void> {
  const output = createOutput(options)
  const items = await withController(options, async ({ client }, signal) => {
    const group = await groupOf(client, options)
    return allItems((place) => client.tokens(group, { ...place, limit: 1000 }, { signal }))
  })
  const now = new Date().toISOString()
  output.result(
    { items },
    () =>
      items.length === 0
        ? 'There are no tokens.'
        : tableText(
            ['NAME', 'ROLE', 'STATE', 'EXPIRES', 'CREATED', 'BY'],
            items.map((token) => [
              ...[token.name, token.role, stateOf(token, now), token.expiresAt],
              ...[token.createdAt, token.createdBy],
            ]),
          ),
    () => items,
  )
}

async function revoke(name: string, options: TokenOptions): Promise<void> {
  const output = createOutput(options)
  const token = await withController(options, async ({ client }, signal) =>
    client.revokeToken(await groupOf(client, options), name, { signal }),
  )
  output.result(token, () => `Token '${token.name}' is revoked since ${token.revokedAt}.`)
}

function stateOf({ revokedAt, expiresAt }: ServiceToken, now: string): string {
  if (revokedAt !== null) return 'revoked'
  return expiresAt > now ? 'good' : 'expired'
}

async function groupOf(client: ApiClient, { group: wanted }: TokenOptions): Promise<string> {
  const { group } = onlyGroup(await client.status())
  if (wanted === undefined || wanted === group) return group
  throw new HoldfastError('group.not-found', `There is no failover group '${wanted}' here.`, {
    kind: 'operator',
    hint: `The controller protects '${group}'.`,
  })
}

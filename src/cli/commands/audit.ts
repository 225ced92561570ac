import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { pagesOf } from '../../api/all-items.ts'
import type { ApiClient, AuditQuery } from '../../api/client.ts'
import type { AuditPage } from '../../api/evidence-contract.ts'
import type { AuditEntry } from '../../evidence/audit-entry.ts'
import { parseHead } from '../../evidence/audit-head.ts'
import { readPublicKey } from '../../evidence/signing-key.ts'
import { type AuditVerdict, type NamedHead, verifyAudit } from '../../evidence/verify-audit.ts'
import type { JsonObject } from '../../model/json.ts'
import { exitCodes } from '../exit-codes.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput } from '../output.ts'
import { sinceOption } from '../since-option.ts'
import { countText, tableText } from '../text.ts'

export function auditCommand(): Command {
  return groupCommand(
    'audit',
    'who did what, in a log that shows tampering',
    [
      'holdfast audit',
      'holdfast audit --since 7d --json | jq .items[].action',
      'holdfast audit verify --head copy-of/audit-head.json',
      'holdfast audit key > holdfast.pub',
      'holdfast audit --since 30d -o csv > audit.csv',
    ],
    { rows: true },
  )
    .enablePositionalOptions()
    .option(
      '--since <when>',
      'a duration (7d) or a time; default: the last 100 entries',
      sinceOption,
    )
    .addCommand(verifyCommand())
    .addCommand(keyCommand())
    .action(list)
}

function verifyCommand(): Command {
  return groupCommand('verify', 'read the whole log and hold it against signed heads', [
    'holdfast audit verify || test $? -eq 8   # 8: it was tampered with',
  ])
    .option(
      '--head <file...>',
      'heads kept elsewhere: copies of audit-head.json, signatures of reports',
    )
    .option('--key <file...>', 'public keys of other controllers, in PEM')
    .action(verify)
}

function keyCommand(): Command {
  return groupCommand('key', 'print the public key with which evidence is checked', [
    'holdfast audit key > holdfast.pub',
  ]).action(async (options: GroupOptions) => {
    const output = createOutput(options)
    const key = await withController(options, ({ client }, signal) =>
      client.evidenceKey({ signal }),
    )
    output.result(key, () => key.publicKey.trim())
  })
}

const shownByDefault = 100

async function list(options: GroupOptions & { readonly since?: string }): Promise<void> {
  const output = createOutput(options)
  const items = await withController(options, async ({ client }, signal) => {
    const { since } = options
    const query =
      since === undefined ? { cursor: await seqBefore(client, shownByDefault) } : { since }
    const found: AuditPage['items'] = []
    for await (const page of auditPages(client, query, signal)) found.push(...page.items)
    return found
  })
  output.result(
    { items },
    () =>
      items.length === 0
        ? 'Nothing was noted.'
        : tableText(
            ['SEQ', 'AT', 'ACTOR', 'ACTION', 'SUBJECT', 'DETAILS'],
            items.map(({ seq, at, actor, action, subject, details }) => [
              ...[String(seq), at, actor, action, subject, JSON.stringify(details).slice(0, 200)],
            ]),
            { drop: ['SEQ', 'DETAILS'] },
          ),
    () => items,
  )
}

async function seqBefore(client: ApiClient, count: number): Promise<string> {
  const { head } = await client.audit({ limit: 1 })
  return String(Math.max(0, (head?.seq ?? 0) - count))
}

function auditPages(
  client: ApiClient,
  query: AuditQuery,
  signal: AbortSignal,
): AsyncGenerator<AuditPage> {
  return pagesOf((place) => client.audit({ ...query, ...place, limit: 1000 }, { signal }))
}

interface VerifyOptions extends GroupOptions {
  readonly head?: readonly string[]
  readonly key?: readonly string[]
}

async function verify(options: VerifyOptions): Promise<void> {
  const output = createOutput(options)
  const found = await withController(options, async ({ client, stateDir }, signal) => {
    const own = await client.evidenceKey({ signal })
    const pems = await Promise.all((options.key ?? []).map((file) => readFile(file, 'utf8')))
    const keys = [own.publicKey, ...pems].map(readPublicKey)
    const files = [...(options.head ?? []), ...(options.server ? [] : headFiles(stateDir))]
    const heads = await Promise.all(files.map(namedHead))
    const { head } = await client.audit({ limit: 1 }, { signal })
    const named = head === null ? heads : [...heads, { head, from: 'the controller' }]
    return verifyAudit(allEntries(client, signal), named, keys)
  })
  output.result(found, () => verdictText(found))
  if (found.broken !== null) process.exitCode = exitCodes.tampered
}

async function* allEntries(client: ApiClient, signal: AbortSignal): AsyncGenerator<AuditEntry> {
  for await (const { items } of auditPages(client, {}, signal)) {
    for (const item of items) yield { ...item, details: item.details as JsonObject }
  }
}

async function namedHead(file: string): Promise<NamedHead> {
  return { head: parseHead(await readFile(file, 'utf8'), file), from: file }
}

/** The head beside the state, and those that reports were signed with. */
function headFiles(stateDir: string): string[] {
  const reports = join(stateDir, 'reports')
  const signatures = existsSync(reports)
    ? readdirSync(reports).filter((name) => name.endsWith('.sig'))
    : []
  const own = join(stateDir, 'audit-head.json')
  return [...(existsSync(own) ? [own] : []), ...signatures.map((name) => join(reports, name))]
}

function verdictText({ entries, headsChecked, headsOfOthers, broken }: AuditVerdict): string {
  const read = `${countText(entries, 'entry', 'entries')} read, held against ${countText(headsChecked, 'signed head')}.`
  const others = headsOfOthers.map(
    (from) => `Not checked: the head in ${from} is of a controller whose --key was not given.`,
  )
  if (broken === null) return [`The audit log is whole: ${read}`, ...others].join('\n')
  return [
    `The audit log was tampered with at entry ${broken.seq} (${broken.code}).`,
    broken.sentence,
    read,
    ...others,
  ].join('\n')
}

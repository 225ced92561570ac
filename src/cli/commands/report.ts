import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import {
  parseSignature,
  type ReportSignature,
  type ReportVerdict,
  verifyReport,
} from '../../evidence/report-signature.ts'
import { publicKeyFile, readPublicKey } from '../../evidence/signing-key.ts'
import { HoldfastError } from '../../model/errors.ts'
import { stateDirOf } from '../connect.ts'
import { exitCodes } from '../exit-codes.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { withExamples } from '../manual.ts'
import { createOutput } from '../output.ts'
import { reportLines, saveReport } from '../saved-report.ts'

export function reportCommand(): Command {
  return withExamples(new Command('report'), [
    'holdfast report save failover-fraud-models-e2',
    'holdfast report verify .holdfast/reports/failover-fraud-models-e2.json',
  ])
    .description('keep the report of an operation, and check that one is what was signed')
    .addCommand(saveCommand())
    .addCommand(verifyCommand())
}

function saveCommand(): Command {
  return groupCommand('save', 'write report, page and signature into the state directory', [
    'holdfast report save failover-fraud-models-e2',
  ])
    .argument('<operation>', 'as `holdfast history` names it')
    .action(save)
}

function verifyCommand(): Command {
  return groupCommand(
    'verify',
    'check a report against its signature; no controller is asked',
    [
      'holdfast report verify .holdfast/reports/failover-fraud-models-e2.json',
      'holdfast report verify failover.html --key holdfast.pub || test $? -eq 8',
    ],
    { server: false },
  )
    .argument('<file>', 'report as JSON or HTML; its ….json.sig lies beside it')
    .option('--key <file>', 'public key (holdfast audit key); default: that of the state directory')
    .action(verify)
}

async function save(operation: string, options: GroupOptions): Promise<void> {
  const output = createOutput(options)
  const saved = await withController(options, ({ client, stateDir }) =>
    saveReport(client, operation, stateDir),
  )
  if (saved === undefined) {
    throw new HoldfastError('report.not-found', `Operation '${operation}' has written no report.`, {
      kind: 'operator',
      hint: 'List those that have: holdfast history',
    })
  }
  output.result(saved, () => reportLines(saved).join('\n'))
}

interface VerifyOptions extends Omit<GroupOptions, 'server'> {
  readonly key?: string
}

async function verify(file: string, options: VerifyOptions): Promise<void> {
  const output = createOutput(options)
  const base = file.replace(/\.(json\.sig|json|html)$/, '')
  const signed = parseSignature(await readOf(`${base}.json.sig`), `${base}.json.sig`)
  const key = readPublicKey(await readOf(options.key ?? join(stateDirOf(options), publicKeyFile)))
  if (key.keyId !== signed.keyId) throw otherKey(signed.keyId, key.keyId)
  const [json, html] = await Promise.all([bytesOf(`${base}.json`), bytesOf(`${base}.html`)])
  const verdict = verifyReport(
    signed,
    { ...(json === undefined ? {} : { json }), ...(html === undefined ? {} : { html }) },
    key,
  )
  const holds = isWhole(verdict)
  const { signature: _signature, ...facts } = signed
  output.result({ holds, ...verdict, signed: facts }, () => verdictText(holds, verdict, signed))
  if (!holds) process.exitCode = exitCodes.tampered
}

/** A missing page proves nothing against the report; a missing report leaves nothing to prove. */
function isWhole({ json, html, signature }: ReportVerdict): boolean {
  return signature === 'valid' && json === 'whole' && html !== 'changed'
}

function verdictText(holds: boolean, verdict: ReportVerdict, signed: ReportSignature): string {
  const { environment: made, auditHead } = signed
  return [
    holds
      ? `The report of ${signed.run} is what was signed.`
      : `The report of ${signed.run} is not what was signed.`,
    `  signature  ${verdict.signature}, key ${verdict.keyId}, ${signed.signedAt}`,
    `  JSON       ${verdict.json}`,
    `  page       ${verdict.html}`,
    `  audit log  ${auditHead === null ? 'empty then' : `entry ${auditHead.seq}, ${auditHead.hash}`}`,
    `  made by    Holdfast ${made.holdfast}, Node ${made.node}, ${made.platform}, ${made.database}`,
    `  plan       ${made.planDigest}`,
    ...made.members.map(({ name, workspace }) => `  member     ${name} ${workspace}`),
  ].join('\n')
}

async function readOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new HoldfastError('usage.file', `The file ${file} cannot be read.`, {
      kind: 'operator',
      place: file,
      hint: 'Name the report; its signature lies beside it, and the key comes from `holdfast audit key`. `holdfast report save OPERATION` fetches a report that is not here.',
      cause,
    })
  })
}

async function bytesOf(file: string): Promise<Uint8Array | undefined> {
  return existsSync(file) ? readFile(file) : undefined
}

function otherKey(wanted: string, given: string): HoldfastError {
  return new HoldfastError(
    'report.other-key',
    `The report was signed with key ${wanted}; the given one is ${given}.`,
    { kind: 'operator', hint: 'Have the key of the controller that signed: holdfast audit key' },
  )
}

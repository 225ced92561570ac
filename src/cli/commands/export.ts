import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { HoldfastError } from '../../model/errors.ts'
import { isKind, type Kind } from '../../model/kinds.ts'
import { formatObjectId, type ObjectId } from '../../model/object-id.ts'
import type { ExportPlan } from '../../specification/export-folder.ts'
import type { FolderChange } from '../../specification/write-export.ts'
import { exitCodes } from '../exit-codes.ts'
import { withExamples } from '../manual.ts'
import { createOutput, type Output } from '../output.ts'
import { type OutputOptions, withOutput } from '../output-format.ts'
import { openTarget, type TargetOptions, withTargetOptions } from '../workspace-target.ts'

interface ExportCommandOptions extends TargetOptions, OutputOptions {
  readonly kind?: readonly string[]
  readonly dryRun?: boolean
}

const examples = [
  'holdfast export ./assets',
  'holdfast export ./assets --member west --dry-run',
  'holdfast export ./models --kind model environment',
]

export function exportCommand(): Command {
  const command = new Command('export')
    .description('write the objects of a workspace as Azure ML CLI v2 YAML')
    .argument('<folder>', 'an empty folder, or one that an export wrote before')
  return withOutput(withExamples(withTargetOptions(command), examples))
    .option('--kind <kind...>', 'only these kinds, such as model or online-endpoint')
    .option('--dry-run', 'say what would be written, change nothing')
    .action(run)
}

async function run(folder: string, options: ExportCommandOptions): Promise<void> {
  const output = createOutput(options)
  const { exportedKinds, planExport } = await import('../../specification/export-folder.ts')
  const { compareExport, writeExport } = await import('../../specification/write-export.ts')
  const kinds = kindsOf(options.kind ?? [], exportedKinds)
  const workspace = await openTarget(options)
  const staging = await mkdtemp(join(tmpdir(), 'holdfast-export-'))
  try {
    const plan = await planExport(workspace, {
      kinds,
      staging,
      onObject: (id, done) => progress(output, id, done),
    })
    if (output.interactive) process.stderr.write('\r\x1b[2K')
    const write = options.dryRun === true ? compareExport : writeExport
    report(output, plan, await write(resolve(folder), plan), options.dryRun === true)
  } finally {
    await rm(staging, { recursive: true, force: true })
    await workspace.close()
  }
}

function kindsOf(given: readonly string[], known: readonly Kind[]): readonly Kind[] {
  return given.map((kind) => {
    if (isKind(kind) && known.includes(kind)) return kind
    throw new HoldfastError('usage.unknown-kind', `'${kind}' is no kind that can be exported`, {
      kind: 'operator',
      hint: `Name one of: ${known.join(', ')}.`,
    })
  })
}

function progress(output: Output, id: ObjectId, done: number): void {
  if (output.interactive)
    process.stderr.write(`\r\x1b[2K${done}  ${formatObjectId(id).slice(0, 60)}`)
}

function report(output: Output, plan: ExportPlan, change: FolderChange, dryRun: boolean): void {
  const failed = plan.failed.map(({ object, error }) => ({
    object,
    code: error.code,
    message: error.message,
    hint: error.hint,
  }))
  const { counts, leftOut, notCarried } = plan
  output.result({ dryRun, counts, ...change, leftOut, notCarried, failed }, () =>
    textOf(plan, change, dryRun),
  )
  if (failed.length > 0) process.exitCode = exitCodes.partial
}

function textOf(plan: ExportPlan, change: FolderChange, dryRun: boolean): string {
  const { added, changed, removed, unchanged } = change
  return [
    ...Object.entries(plan.counts).map(
      ([kind, count]) => `  ${String(count).padStart(5)}  ${kind}`,
    ),
    `${dryRun ? 'Would write' : 'Wrote'} ${added.length + changed.length} of ${plan.files.size} files: ${added.length} new, ${changed.length} changed, ${removed.length} removed, ${unchanged} as they were.`,
    ...(dryRun
      ? [
          ...added.map((path) => `  + ${path}`),
          ...changed.map((path) => `  ~ ${path}`),
          ...removed.map((path) => `  - ${path}`),
        ]
      : []),
    ...plan.leftOut.map(({ object, reason }) => `  left out: ${object}: ${reason}`),
    ...plan.notCarried.map(({ object, key }) => `  not carried over: ${key} (${object})`),
    ...plan.failed.map(
      ({ object, error }) => `  failed: ${object}: ${error.message} [${error.code}]`,
    ),
  ].join('\n')
}

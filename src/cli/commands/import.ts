import { resolve } from 'node:path'
import { Command } from 'commander'
import { formatObjectId } from '../../model/object-id.ts'
import type { ImportPlan, ImportResult } from '../../specification/import-folder.ts'
import type { ImportAction } from '../../specification/import-session.ts'
import { exitCodes } from '../exit-codes.ts'
import { withExamples } from '../manual.ts'
import { createOutput, type Output } from '../output.ts'
import { type OutputOptions, withOutput } from '../output-format.ts'
import { openTarget, type TargetOptions, withTargetOptions } from '../workspace-target.ts'

interface ImportCommandOptions extends TargetOptions, OutputOptions {
  readonly submitJobs?: boolean
  readonly endpointName?: string
  readonly dryRun?: boolean
}

const examples = [
  'holdfast import ./assets',
  'holdfast import ./jobs/train.yml --submit-jobs --member east',
]

export function importCommand(): Command {
  const command = new Command('import')
    .description('create objects from a folder of Azure ML CLI v2 YAML')
    .argument('<folder>', 'folder of specifications, or one file')
  return withOutput(withExamples(withTargetOptions(command), examples))
    .option('--submit-jobs', 'run job specifications too; a job runs when it is created')
    .option('--endpoint-name <name>', 'for deployments that name no endpoint')
    .option('--dry-run', 'say what would be created, change nothing')
    .action(run)
}

async function run(folder: string, options: ImportCommandOptions): Promise<void> {
  const output = createOutput(options)
  const [{ applyImport, planImport }, { secretOf }] = await Promise.all([
    import('../../specification/import-folder.ts'),
    import('../../workspace/secret.ts'),
  ])
  const workspace = await openTarget(options)
  try {
    const choices = {
      submitJobs: options.submitJobs ?? false,
      variables: process.env,
      jobName: () =>
        `job-${Date.now().toString(36)}-${Math.floor(Math.random() * 1e6).toString(36)}`,
      ...(options.endpointName === undefined ? {} : { endpointName: options.endpointName }),
    }
    const plan = await planImport(workspace, resolve(folder), choices)
    if (options.dryRun) {
      report(output, { ...plan, done: 0, bytes: 0 }, true)
    } else {
      const epoch = (await workspace.readMarker())?.epoch ?? 0
      const result = await applyImport(workspace, plan, {
        ...choices,
        epoch,
        wrapSecret: secretOf,
        onAction: (done, total, action) => progress(output, done, total, action),
      })
      report(output, result, false)
    }
  } finally {
    await workspace.close()
  }
}

function progress(output: Output, done: number, total: number, action: ImportAction): void {
  if (!output.interactive) return
  const what =
    action.action === 'upload'
      ? action.name
      : action.action === 'put'
        ? formatObjectId(action.id)
        : `job ${action.name}`
  process.stderr.write(`\r\x1b[2K${done} of ${total}  ${what.slice(0, 60)}`)
  if (done === total) process.stderr.write('\r\x1b[2K')
}

function report(output: Output, result: ImportResult, dryRun: boolean): void {
  const counts = countsOf(result)
  output.result(
    {
      dryRun,
      counts,
      bytes: result.bytes,
      failed: result.failed.map(({ file, error }) => ({
        file,
        code: error.code,
        message: error.message,
        hint: error.hint,
      })),
      unsupported: result.unsupported,
      unknownKeys: result.unknownKeys,
    },
    () => text(result, counts, dryRun),
  )
  if (result.failed.length > 0) process.exitCode = exitCodes.partial
}

function countsOf(plan: ImportPlan): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const action of plan.actions) {
    const key =
      action.action === 'put'
        ? action.id.kind
        : action.action === 'upload'
          ? 'uploaded file'
          : 'submitted job'
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

function text(
  result: ImportResult,
  counts: Readonly<Record<string, number>>,
  dryRun: boolean,
): string {
  const lines = [
    dryRun ? 'Would create:' : 'Created:',
    ...Object.entries(counts).map(([kind, count]) => `  ${String(count).padStart(5)}  ${kind}`),
    ...result.unknownKeys.map(({ place, key }) => `  not carried over: ${key} (${place})`),
    ...result.unsupported.map(({ file, reason }) => `  left out: ${file}: ${reason}`),
    ...result.failed.map(
      ({ file, error }) => `  failed: ${error.place ?? file}: ${error.message} [${error.code}]`,
    ),
  ]
  return lines.join('\n')
}

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type ExportPlan, planExport } from '../../src/specification/export-folder.ts'
import {
  applyImport,
  type ImportResult,
  planImport,
} from '../../src/specification/import-folder.ts'
import { writeExport } from '../../src/specification/write-export.ts'
import { secretOf } from '../../src/workspace/secret.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'
import { type Comparison, compareRegions } from './compare-regions.ts'
import { type Side, startSide } from './regions.ts'

export interface RoundTrip {
  /** Where the first export lies. */
  readonly folder: string
  readonly exported: ExportPlan
  readonly imported: ImportResult
  /** Files that the second export from the same workspace wrote otherwise; none are. */
  readonly unstable: readonly string[]
  /** Files that differ between the export of the workspace and the export of its import. */
  readonly changed: readonly string[]
  /** Objects of the workspace that its import holds otherwise. */
  readonly comparisons: readonly Comparison[]
  readonly files: number
}

/** Export, the same export again, import into an empty workspace, export that, compare everything. */
export async function roundTrip(primary: Side, temporary: string): Promise<RoundTrip> {
  const folders = ['first', 'again', 'back'].map((name) => join(temporary, name))
  const [first = '', again = '', back = ''] = folders
  const exported = await exportTo(primary.workspace, first, temporary)
  await exportTo(primary.workspace, again, temporary)
  const empty = await startSide('other', 'northeurope', temporary)
  try {
    await copyBytes(primary.workspace, empty.workspace)
    const imported = await importFrom(empty.workspace, first, secretsIn(first))
    await exportTo(empty.workspace, back, temporary)
    return {
      folder: first,
      exported,
      imported,
      unstable: differences(first, again),
      changed: differences(first, back),
      comparisons: await compareRegions(primary, empty, { definitionsOnly: true }),
      files: filesOf(first).length,
    }
  } finally {
    await empty.stop()
  }
}

export async function exportTo(
  workspace: Workspace,
  folder: string,
  temporary: string,
): Promise<ExportPlan> {
  const staging = mkdtempSync(join(temporary, 'staging-'))
  const plan = await planExport(workspace, { kinds: [], staging })
  await writeExport(folder, plan)
  rmSync(staging, { recursive: true })
  return plan
}

export async function importFrom(
  workspace: Workspace,
  folder: string,
  variables: Readonly<Record<string, string>>,
): Promise<ImportResult> {
  const options = {
    submitJobs: false,
    jobName: () => 'job',
    epoch: 1,
    wrapSecret: secretOf,
    variables,
  }
  return applyImport(workspace, await planImport(workspace, folder, options), options)
}

/** A value for every secret that the export names. */
export function secretsIn(folder: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const file of filesOf(folder))
    for (const [, name = ''] of readFileSync(join(folder, file), 'utf8').matchAll(
      /\$\{(HOLDFAST_SECRET_[A-Z0-9_]+)\}/g,
    ))
      found[name] = `value of ${name}`
  return found
}

/** Data and models are named by their address; their bytes move with the storage. */
async function copyBytes(from: Workspace, to: Workspace): Promise<void> {
  for (const store of ['workspaceblobstore']) {
    let cursor: string | undefined
    do {
      const page = await from.listBlobs(store, cursor === undefined ? {} : { cursor })
      for (const blob of page.items)
        await to.writeBlob(store, blob, await from.readBlob(store, blob.name), { epoch: 1 })
      cursor = page.cursor
    } while (cursor !== undefined)
  }
}

function differences(a: string, b: string): string[] {
  const names = new Set([...filesOf(a), ...filesOf(b)])
  const read = (path: string) => {
    try {
      return readFileSync(path)
    } catch {
      return undefined
    }
  }
  return [...names].sort().filter((name) => {
    const [here, there] = [read(join(a, name)), read(join(b, name))]
    return here === undefined || there === undefined || !here.equals(there)
  })
}

export function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
}

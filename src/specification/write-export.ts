import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { HoldfastError } from '../model/errors.ts'
import type { ExportPlan } from './export-folder.ts'
import type { ExportFile } from './export-session.ts'

/** Says which files are the export's, so that the next one can take away what is no more. */
export const manifestName = 'holdfast-export.json'

export interface FolderChange {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
  readonly unchanged: number
}

/**
 * What writing the plan would change. Throws `export.folder-not-empty` for a folder with files that no
 * export wrote: an export never takes away what is somebody else's.
 */
export async function compareExport(folder: string, plan: ExportPlan): Promise<FolderChange> {
  const before = await filesOfExport(folder)
  const added: string[] = []
  const changed: string[] = []
  let unchanged = 0
  for (const [path, content] of plan.files) {
    const held = await readFile(join(folder, path)).catch(ifAbsent)
    if (held === undefined) added.push(path)
    else if (held.equals(await bytesOf(content))) unchanged += 1
    else changed.push(path)
  }
  const removed = plan.isPartial ? [] : before.filter((path) => !plan.files.has(path))
  return { added, changed, removed, unchanged }
}

/** Writes the plan, and removes what the last export wrote and this one, if whole, does not. */
export async function writeExport(folder: string, plan: ExportPlan): Promise<FolderChange> {
  const change = await compareExport(folder, plan)
  await mkdir(folder, { recursive: true })
  const kept = plan.isPartial ? await filesOfExport(folder) : []
  const paths = [...new Set([...plan.files.keys(), ...kept])].sort()
  // First of all: an export that is cut off is then known as one, and the next completes it.
  const known = [...new Set([...paths, ...change.removed])].sort()
  await writeFile(join(folder, manifestName), manifest(known))
  for (const path of [...change.added, ...change.changed]) {
    const content = plan.files.get(path)
    if (content === undefined) continue
    const target = join(folder, path)
    await mkdir(dirname(target), { recursive: true })
    if ('text' in content) await writeFile(target, content.text)
    else await pipeline(createReadStream(content.from), createWriteStream(target))
  }
  for (const path of change.removed) await removeFile(folder, path)
  await writeFile(join(folder, manifestName), manifest(paths))
  return change
}

const manifest = (files: readonly string[]) => `${JSON.stringify({ version: 1, files }, null, 2)}\n`

async function filesOfExport(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder).catch(ifAbsent)
  if (entries === undefined || entries.length === 0) return []
  const text = await readFile(join(folder, manifestName), 'utf8').catch(ifAbsent)
  if (text === undefined)
    throw new HoldfastError('export.folder-not-empty', `'${folder}' holds files of others`, {
      kind: 'operator',
      place: folder,
      hint: 'Name an empty folder, or one that an export wrote before.',
    })
  const { files } = JSON.parse(text) as { readonly files: readonly string[] }
  return files.filter((path) => !path.split('/').includes('..'))
}

async function removeFile(folder: string, path: string): Promise<void> {
  await rm(join(folder, path), { force: true })
  // Folders that became empty go, too; one that holds anything stays.
  for (let at = dirname(path); at !== '.'; at = dirname(at)) {
    const isGone = await rmdir(join(folder, at)).then(
      () => true,
      () => false,
    )
    if (!isGone) return
  }
}

async function bytesOf(content: ExportFile): Promise<Buffer> {
  return 'text' in content ? Buffer.from(content.text) : readFile(content.from)
}

function ifAbsent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
  throw error
}

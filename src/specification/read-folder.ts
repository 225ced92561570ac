import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { LineCounter, parseAllDocuments } from 'yaml'
import { HoldfastError } from '../model/errors.ts'
import { classify, isUnsupported, type Specification, type Unsupported } from './specification.ts'

export interface Folder {
  readonly specifications: readonly Specification[]
  readonly unsupported: readonly Unsupported[]
  readonly mistakes: readonly HoldfastError[]
}

/** A folder that holds this file has only what specifications elsewhere name. */
export const snapshotsMark = '.holdfast-snapshots'

const skipped = new Set(['node_modules', '.git', '__pycache__', '.ipynb_checkpoints'])

/** Every specification below a folder (or the one file), in path order; all mistakes at once. */
export async function readFolder(root: string): Promise<Folder> {
  const specifications: Specification[] = []
  const unsupported: Unsupported[] = []
  const mistakes: HoldfastError[] = []
  for (const file of await yamlFiles(root)) {
    const parsed = await parseFile(file)
    if (parsed instanceof HoldfastError) {
      mistakes.push(parsed)
      continue
    }
    const found = classify(file, parsed)
    if (found === undefined) continue
    if (isUnsupported(found)) unsupported.push(found)
    else specifications.push(found)
  }
  return { specifications, unsupported, mistakes }
}

/** The first document of a file; a syntax error is returned with line and column, not thrown. */
export async function parseFile(file: string): Promise<unknown> {
  const content = indented(await readFile(file, 'utf8'))
  const { document, lineCounter } = parseFirst(content)
  if (document === undefined || !('errors' in document)) return undefined
  const [error] = document.errors
  // A folder may hold YAML of other tools; only broken specifications are the user's mistake here.
  const looksLikeSpecification = /^\s*\$schema\s*:/m.test(content)
  if (error) {
    const { line, col } = lineCounter.linePos(error.pos[0])
    return looksLikeSpecification
      ? new HoldfastError('specification.syntax', error.message, {
          place: `${file}:${line}:${col}`,
          hint: 'Mend the YAML.',
        })
      : undefined
  }
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (cause) {
    if (!looksLikeSpecification) return undefined
    return new HoldfastError('specification.syntax', 'the YAML cannot be read', {
      place: file,
      cause,
    })
  }
}

function parseFirst(content: string) {
  const lineCounter = new LineCounter()
  const [document] = parseAllDocuments(content, {
    lineCounter,
    prettyErrors: false,
    uniqueKeys: true,
    strict: false,
    // An unfilled {{…}} is a mapping as a key; the place that reads it says so better.
    logLevel: 'error',
  })
  return { document, lineCounter }
}

/**
 * The official client's parser lets a quoted text go on at the start of a line, which YAML forbids and
 * ours refuses. Spaces there do not belong to the text, so they make such a file what both read alike.
 */
function indented(content: string): string {
  let mended = content
  for (let lines = content.split('\n').length; lines > 0; lines -= 1) {
    const { document } = parseFirst(mended)
    const error = document && 'errors' in document ? document.errors[0] : undefined
    if (error?.code !== 'MISSING_CHAR' || !error.message.startsWith('Missing closing')) break
    const next = mended.indexOf('\n', error.pos[0]) + 1
    if (next === 0) break
    mended = `${mended.slice(0, next)}${' '.repeat(64)}${mended.slice(next)}`
  }
  return mended
}

export async function yamlFiles(path: string): Promise<string[]> {
  if (/\.ya?ml$/i.test(path)) return [path]
  const files: string[] = []
  let entries: Awaited<ReturnType<typeof listEntries>>
  try {
    entries = await listEntries(path)
  } catch (cause) {
    throw new HoldfastError(
      'specification.folder-not-found',
      `there is no folder '${relative('.', path) || path}'`,
      {
        kind: 'operator',
        hint: 'Name a folder of Azure ML CLI v2 YAML files, or one such file.',
        cause,
      },
    )
  }
  if (entries.some(({ name }) => name === snapshotsMark)) return []
  for (const entry of entries) {
    const child = join(path, entry.name)
    if (entry.isDirectory()) {
      if (!skipped.has(entry.name)) files.push(...(await yamlFiles(child)))
    } else if (/\.ya?ml$/i.test(entry.name)) files.push(child)
  }
  return files
}

async function listEntries(path: string) {
  const entries = await readdir(path, { withFileTypes: true })
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
}

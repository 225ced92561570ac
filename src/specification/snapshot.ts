import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import picomatch from 'picomatch'
import { HoldfastError } from '../model/errors.ts'

export interface SnapshotFile {
  /** Path below the snapshot's root, `/`-separated. */
  readonly name: string
  readonly path: string
  readonly sizeBytes: number
  readonly sha256: string
}

/** Local files that become blobs, addressed by their content. */
export interface Snapshot {
  readonly isFolder: boolean
  readonly baseName: string
  readonly files: readonly SnapshotFile[]
  /** Over names and contents, so that the same content is the same snapshot (the clients' de-duplication). */
  readonly sha256: string
}

/**
 * Reads a file or folder. `.amlignore` (else `.gitignore`) of the root is honoured, as the official
 * client does. Throws `specification.path-not-found`.
 */
export async function takeSnapshot(path: string, place: string): Promise<Snapshot> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new HoldfastError(
      'specification.path-not-found',
      `the specification names '${relative('.', path) || path}', which does not exist`,
      { place, hint: 'Create it or mend the path.', cause },
    )
  })
  const names = info.isDirectory() ? await walk(path, '', await ignored(path)) : ['']
  const files: SnapshotFile[] = []
  const hash = createHash('sha256')
  for (const name of names) {
    const file = name === '' ? path : join(path, ...name.split('/'))
    const sha256 = await hashFile(file)
    const sizeBytes = (await stat(file)).size
    files.push({ name: name || basename(path), path: file, sizeBytes, sha256 })
    // A single file and a folder with nothing else in it are the same content.
    hash.update(`${name || basename(path)}\n${sha256}\n`)
  }
  return {
    isFolder: info.isDirectory(),
    baseName: basename(path),
    files,
    sha256: hash.digest('hex'),
  }
}

/** A name-shaped GUID made of a hash: code assets are named by GUIDs, and the same code keeps its name. */
export function guidOf(sha256: string): string {
  return [
    sha256.slice(0, 8),
    sha256.slice(8, 12),
    sha256.slice(12, 16),
    sha256.slice(16, 20),
    sha256.slice(20, 32),
  ].join('-')
}

async function walk(
  root: string,
  prefix: string,
  skip: (name: string) => boolean,
): Promise<string[]> {
  const names: string[] = []
  const entries = await readdir(join(root, ...prefix.split('/').filter(Boolean)), {
    withFileTypes: true,
  })
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`
    if (entry.name === '.git' || entry.name === '__pycache__' || skip(name)) continue
    if (entry.isDirectory()) names.push(...(await walk(root, name, skip)))
    else if (entry.isFile()) names.push(name)
  }
  return names
}

async function ignored(root: string): Promise<(name: string) => boolean> {
  for (const file of ['.amlignore', '.gitignore']) {
    const content = await readFile(join(root, file), 'utf8').catch(() => undefined)
    if (content === undefined) continue
    const patterns = content
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('!'))
      .flatMap((line) => {
        const pattern = line.replace(/\/$/, '').replace(/^\//, '')
        return line.startsWith('/') ? [pattern] : [pattern, `**/${pattern}`]
      })
    const matches = picomatch(patterns, { dot: true })
    return (name) => patterns.length > 0 && matches(name.split(sep).join('/'))
  }
  return () => false
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

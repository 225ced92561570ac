import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { HoldfastError } from '../../model/errors.ts'
import { isAlive } from '../local-region.ts'

/** Says that a folder was made by the demo, and by which process. */
const markName = '.holdfast-demo'

export interface DemoFolder {
  readonly path: string
  readonly logs: string
  /** Short enough for the sockets that are made in it; undefined: the system's own is used. */
  readonly temporary: string | undefined
}

/** A fresh folder, or the given one: it is emptied when it is an earlier demo's, refused when it is not. */
export function makeDemoFolder(wanted: string | undefined, entry: string): DemoFolder {
  const path = wanted === undefined ? freshFolder() : claimedFolder(resolve(wanted))
  writeFileSync(join(path, markName), `${process.pid}\n`)
  const logs = join(path, 'logs')
  mkdirSync(logs, { mode: 0o700 })
  cpSync(sampleFolder(entry), join(path, 'sample'), { recursive: true })
  return { path, logs, temporary: temporaryIn(path) }
}

const freshFolder = () => mkdtempSync(join(tmpdir(), 'holdfast-demo-'))

function claimedFolder(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const mark = join(path, markName)
  if (existsSync(mark)) {
    const pid = Number(readFileSync(mark, 'utf8'))
    if (pid !== process.pid && pid > 1 && isAlive(pid)) throw refusal('demo.running', path)
  } else if (readdirSync(path).length > 0) throw refusal('demo.folder-not-empty', path)
  for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true, force: true })
  return path
}

function refusal(code: 'demo.running' | 'demo.folder-not-empty', place: string): HoldfastError {
  const sentence =
    code === 'demo.running'
      ? 'Another demo is running in this folder.'
      : 'The folder is not empty, and no demo made what is in it.'
  return new HoldfastError(code, sentence, {
    kind: 'operator',
    place,
    hint: 'Name another folder with --dir.',
  })
}

/** Beside the bundle's folder, or at the root of the sources. */
function sampleFolder(entry: string): string {
  const near = [join(dirname(entry), '..', 'sample'), join(dirname(entry), '..', '..', 'sample')]
  const found = near.find(existsSync)
  if (found !== undefined) return found
  throw new HoldfastError('demo.no-sample', 'The sample is missing from this installation.')
}

/** A socket's whole path may have 103 characters on some systems. */
function temporaryIn(path: string): string | undefined {
  const folder = join(path, 'tmp')
  if (folder.length > 70) return undefined
  mkdirSync(folder, { mode: 0o700 })
  return folder
}

import { readFile } from 'node:fs/promises'
import { HoldfastError } from '../model/errors.ts'
import { isAbsent, oneAtATime, writeAtomically } from '../store/write-atomically.ts'
import { formatDocument } from './documents/config-document.ts'
import {
  configUnreadable,
  documentEndpoint,
  readDocument,
  type Stored,
  type StoreOptions,
} from './documents/document-endpoint.ts'
import type { StableEndpoint } from './stable-endpoint.ts'

export interface WorkspaceConfigOptions {
  /** The `config.json` that `MLClient.from_config` reads; made when it is missing. */
  readonly path: string
}

/**
 * Leads by the file that data scientists' notebooks read to find their workspace. A file system has
 * no conditional write: switches within this process wait for each other, and the epoch register
 * keeps other controllers away (I1).
 */
export function workspaceConfigEndpoint({ path }: WorkspaceConfigOptions): StableEndpoint {
  const endpoint = documentEndpoint<undefined>({
    name: path,
    read: (options) => readConfig(path, options),
    write: (document) => writeAtomically(path, formatDocument(document), { mode: 0o644 }),
  })
  return {
    ...endpoint,
    switchTo: (...args) => oneAtATime(path, () => endpoint.switchTo(...args)),
  }
}

async function readConfig(
  path: string,
  { signal }: StoreOptions,
): Promise<Stored<undefined> | undefined> {
  let text: string
  try {
    text = await readFile(path, { encoding: 'utf8', signal })
  } catch (error) {
    if (isAbsent(error)) return undefined
    if (signal?.aborted) {
      throw new HoldfastError('cancelled', 'Cancelled.', { kind: 'cancelled', cause: error })
    }
    throw configUnreadable(path, error)
  }
  return { document: readDocument(text, path), version: undefined }
}

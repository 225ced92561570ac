import { join } from 'node:path'
import type Database from 'libsql'
import { ContentFiles, openUnlessFull } from '../blob/content-files.ts'
import type { FileSources } from './file-source.ts'
import { FileStore } from './file-store.ts'
import { FileTables } from './file-tables.ts'

/** What the operations of the File service work with. */
export interface FileService {
  readonly store: FileStore
  readonly sources: FileSources
  /** Address of an account, for lists. */
  readonly origin: (account: string) => string
}

/** Opens the state of the File service, and removes content that a crash left without a row. */
export function openFileStore(options: {
  readonly db: Database.Database
  readonly dataDir: string
  readonly clock: () => Date
  /** True: content files meet a device without room. */
  readonly isDiskFull: () => boolean
}): FileStore {
  const tables = new FileTables(options.db)
  const files = new ContentFiles(join(options.dataDir, 'files'), openUnlessFull(options.isDiskFull))
  const named = tables.allContent()
  files.sweep((file) => named.has(file))
  return new FileStore(tables, files, options.clock)
}

import { asText } from '../arm/document.ts'
import { workspaceStores } from '../arm/workspace-stores.ts'
import { AzureError, type RegionContext, type StoredBlob } from '../context.ts'
import type { RunRow } from './run-rows.ts'

/** Artifacts of a workspace: blobs of the container `azureml`, so they replicate as blobs. */
export interface ArtifactStore {
  head(path: string): StoredBlob | undefined
  open(path: string): { blob: StoredBlob; content: AsyncIterable<Uint8Array> } | undefined
  put(path: string, content: AsyncIterable<Uint8Array>, contentType?: string): Promise<StoredBlob>
  /** Deletes a file, or all files below a folder; returns how many. */
  remove(path: string): number
  /** Files below a folder, all the way down, in name order. Names begin at the container. */
  files(folder: string, page?: { readonly after?: string; readonly limit: number }): StoredBlob[]
  /** What lies directly in a folder. */
  entries(folder: string): ArtifactEntry[]
  /** A short-lived address of one file. */
  address(path: string, permissions: string): string
}
export interface ArtifactEntry {
  readonly name: string
  readonly isFolder: boolean
  readonly sizeBytes: number | undefined
}

const container = 'azureml'
const addressTtlMs = 60 * 60 * 1000
const batch = 1000

/** Where a run's artifacts are in the container; the same at every member, because run ids are. */
export const artifactRoot = (row: RunRow): string =>
  `ExperimentRun/${asText(row.doc.dataContainerId) ?? `dcid.${row.runId}`}`

export function artifactStore(region: RegionContext, workspaceId: string): ArtifactStore {
  const { blobs } = region
  const { account } = workspaceStores(region.resources, workspaceId)
  const all = (prefix: string) => {
    const found: StoredBlob[] = []
    for (;;) {
      const afterName = found.at(-1)?.name
      const options = { prefix, limit: batch, ...(afterName !== undefined && { afterName }) }
      const page = blobs.list(account, container, options)
      found.push(...page)
      if (page.length < batch) return found
    }
  }

  return {
    head: (path) => blobs.head(account, container, safePath(path)),
    open: (path) => blobs.open(account, container, safePath(path)),
    put(path, content, contentType) {
      blobs.ensureContainer(account, container)
      const options = contentType === undefined ? {} : { contentType }
      return blobs.put(account, container, safePath(path), content, options)
    },
    remove(path) {
      const name = safePath(path)
      const below = all(`${name}/`).map((blob) => blob.name)
      return [name, ...below].filter((one) => blobs.delete(account, container, one)).length
    },
    files(folder, page) {
      const prefix = folderPrefix(folder)
      if (page === undefined) return all(prefix)
      const options = { prefix, limit: page.limit }
      return blobs.list(account, container, {
        ...options,
        ...(page.after !== undefined && { afterName: page.after }),
      })
    },
    entries(folder) {
      const prefix = folderPrefix(folder)
      const found = new Map<string, ArtifactEntry>()
      let afterName: string | undefined
      for (;;) {
        const options = { prefix, limit: batch, ...(afterName !== undefined && { afterName }) }
        const page = blobs.list(account, container, options)
        for (const blob of page) {
          const [name = '', ...rest] = blob.name.slice(prefix.length).split('/')
          const isFolder = rest.length > 0
          const key = isFolder ? `${name}/` : name
          const sizeBytes = isFolder ? undefined : blob.sizeBytes
          if (!found.has(key)) found.set(key, { name, isFolder, sizeBytes })
        }
        const last = page.at(-1)
        if (last === undefined || page.length < batch) return [...found.values()]
        afterName = last.name
      }
    },
    address(path, permissions) {
      const name = safePath(path)
      const expiresAt = new Date(region.clock().getTime() + addressTtlMs)
      const query = blobs.sas(account, container, name, permissions, expiresAt)
      const encoded = name.split('/').map(encodeURIComponent).join('/')
      return `${region.storageOrigin}/${account}/${container}/${encoded}?${query}`
    },
  }
}

const folderPrefix = (folder: string) => (folder === '' ? '' : `${safePath(folder)}/`)

/** A path inside the container: no way up, no empty part. Leading and trailing slashes are dropped. */
export function safePath(path: string): string {
  const parts = path.replace(/^\/+|\/+$/g, '').split('/')
  const isSafe = parts.every(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    (part) => part !== '' && part !== '.' && part !== '..' && !/[\\\u0000-\u001f]/.test(part),
  )
  if (isSafe && path.length <= 1024) return parts.join('/')
  throw new AzureError(400, 'ValidationError', `'${path.slice(0, 200)}' is no artifact path.`)
}

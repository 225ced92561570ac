/** A place in the region's own blob store. `path` is a blob name or a prefix. */
export interface BlobPlace {
  readonly account: string
  readonly container: string
  readonly path: string
}

/** Where names below `localhost` lead, and what clients put behind an account's name. */
const suffix = 'blob.core.localhost'

/** A container's address with the account as host, as Azure writes it: clients take it apart by that. */
export function containerAddress(
  region: { readonly storageOrigin: string },
  account: string,
  container: string,
): string {
  return `https://${account}.${suffix}:${new URL(region.storageOrigin).port}/${container}`
}

/** A container's address by the storage listener's own name, for clients that find no names below it. */
export const pathAddress = (
  region: { readonly storageOrigin: string },
  account: string,
  container: string,
): string => `${region.storageOrigin}/${account}/${container}`

/** The place that an address of this region's blob store names, in either form; else undefined. */
export function blobPlaceAt(
  region: { readonly storageOrigin: string },
  uri: string,
): BlobPlace | undefined {
  const { port } = new URL(region.storageOrigin)
  const [, named, below] =
    /^https:\/\/([a-z0-9]+)\.blob\.core\.localhost:(\d+\/.*)$/.exec(uri) ?? []
  const parts = uri.startsWith(`${region.storageOrigin}/`)
    ? new URL(uri).pathname.slice(1).split('/')
    : below?.startsWith(`${port}/`)
      ? [named ?? '', ...new URL(uri).pathname.slice(1).split('/')]
      : undefined
  if (parts === undefined) return undefined
  const [account = '', container = '', ...rest] = parts.map(decodeURIComponent)
  return { account, container, path: rest.join('/') }
}

import { isAbsolute, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the artifacts of a run lie, as far as this process can reach them. */
export type ArtifactLocation =
  /** Behind the server's artifact proxy, at this path below it. */
  | { readonly is: 'proxied'; readonly path: string }
  | { readonly is: 'folder'; readonly folder: string }
  /** Only the server can read it; nobody here can write it. */
  | { readonly is: 'elsewhere'; readonly uri: string }

/**
 * `root`: the folder at which the server's artifact root is mounted here. Without it a path of the
 * server's own disk means nothing to us, even when a folder of that name exists.
 */
export function artifactLocation(uri: string, root: string | undefined): ArtifactLocation {
  if (uri.startsWith('mlflow-artifacts:')) {
    const path = decodeURIComponent(new URL(uri).pathname).replace(/^\/+/, '')
    return root === undefined ? { is: 'proxied', path } : { is: 'folder', folder: join(root, path) }
  }
  const local = uri.startsWith('file:') ? fileURLToPath(uri) : isAbsolute(uri) ? uri : undefined
  if (root !== undefined && local?.startsWith(root + sep)) return { is: 'folder', folder: local }
  return { is: 'elsewhere', uri }
}

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { HoldfastError } from '../../model/errors.ts'
import { isAbsent } from '../../store/write-atomically.ts'
import type { StableEndpoint } from '../stable-endpoint.ts'
import { changedMeanwhile } from '../traffic-errors.ts'
import { formatDocument } from './config-document.ts'
import {
  documentEndpoint,
  readDocument,
  type Stored,
  type StoreOptions,
} from './document-endpoint.ts'

export interface WorkspaceConfigGitOptions {
  /** Anything `git clone` takes. */
  readonly repository: string
  /** Path of the config file inside the repository. */
  readonly file: string
  readonly branch: string
  /** A token for an https repository, sent as a header; absent: git's own ways to sign in. */
  readonly token?: () => string
}

/**
 * Leads by a config file in a Git repository. Each look is a fresh shallow clone and each change one
 * commit; the push fails when the branch has moved, so two controllers cannot overwrite each other.
 */
export function workspaceConfigGitEndpoint(options: WorkspaceConfigGitOptions): StableEndpoint {
  const { repository, file, branch } = options
  const name = `${file} in ${withoutPassword(repository)} (${branch})`
  return documentEndpoint<string>({
    name,
    read: ({ signal }) =>
      inClone(options, name, signal, async (git, folder) => {
        const version = (await git('rev-parse', 'HEAD')).trim()
        return readFrom(join(folder, file), name, version)
      }),
    write: (document, seen, { signal, reason }) =>
      inClone(options, name, signal, async (git, folder) => {
        const path = join(folder, file)
        const now = await readFrom(path, name, '')
        if (!isDeepStrictEqual(now?.document, seen?.document)) throw changedMeanwhile(name)
        await mkdir(dirname(path), { recursive: true })
        await writeFile(path, formatDocument(document))
        await git('add', '--', file)
        await git('commit', '--quiet', '--message', reason)
        await git('push', '--quiet', 'origin', `HEAD:refs/heads/${branch}`)
      }),
  })
}

async function readFrom(
  path: string,
  name: string,
  version: string,
): Promise<Stored<string> | undefined> {
  try {
    return { document: readDocument(await readFile(path, 'utf8'), name), version }
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

type Git = (...args: string[]) => Promise<string>

async function inClone<T>(
  options: WorkspaceConfigGitOptions,
  name: string,
  signal: StoreOptions['signal'],
  work: (git: Git, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-git-'))
  const git: Git = (...args) => runGit(args, folder, environment(options), name, signal)
  try {
    const { repository, branch } = options
    await git('clone', '--quiet', '--depth=1', '--no-tags', '--branch', branch, repository, '.')
    return await work(git, folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What git needs of ours to find people's configuration; other secrets are none of its business (I9). */
const known =
  /^(PATH|HOME|LANG|TZ|TMPDIR|USER|LOGNAME|XDG_CONFIG_HOME|GIT_.*|SSH_.*|SSL_CERT_.*|.*_proxy)$/i

/** The token goes by the environment: arguments are there for everybody to see (I9). */
function environment({ token }: WorkspaceConfigGitOptions): NodeJS.ProcessEnv {
  const author = { NAME: 'Holdfast', EMAIL: 'holdfast@localhost' }
  const settings: [string, string][] = [['commit.gpgsign', 'false']]
  if (token !== undefined) {
    const basic = Buffer.from(`x-access-token:${token()}`).toString('base64')
    settings.push(['http.extraHeader', `Authorization: Basic ${basic}`])
  }
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => known.test(name))),
    GIT_TERMINAL_PROMPT: '0',
    LC_ALL: 'C',
    GIT_AUTHOR_NAME: author.NAME,
    GIT_AUTHOR_EMAIL: author.EMAIL,
    GIT_COMMITTER_NAME: author.NAME,
    GIT_COMMITTER_EMAIL: author.EMAIL,
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(
      settings.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  }
}

const timeoutMs = 60_000

function runGit(
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  place: string,
  signal: StoreOptions['signal'],
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd, env, timeout: timeoutMs, ...(signal && { signal }) }
    execFile('git', args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else if (signal?.aborted) {
        reject(new HoldfastError('cancelled', 'Cancelled.', { kind: 'cancelled', cause: error }))
      } else reject(failure(args[0] ?? '', stderr, place, error))
    })
  })
}

function failure(command: string, stderr: string, place: string, cause: Error): HoldfastError {
  // What git prints for a branch that moved on since the clone.
  if (command === 'push' && /\[rejected\]|fetch first|cannot lock ref/.test(stderr)) {
    return changedMeanwhile(place, cause)
  }
  if ('code' in cause && cause.code === 'ENOENT') {
    return new HoldfastError('traffic.no-git', 'There is no git on this machine.', {
      kind: 'operator',
      place,
      hint: 'Install git where the controller runs.',
      cause,
    })
  }
  const said = withoutPassword(stderr.trim()).slice(0, 500)
  return new HoldfastError('traffic.git-failed', `git ${command} failed: ${said}`, {
    kind: 'operator',
    place,
    hint: 'Check repository, branch and the right to push; the same clone by hand should work.',
    // Not `cause`: its message repeats the command line with the address.
  })
}

/** An address may carry a password (I9). */
const withoutPassword = (text: string) => text.replace(/(\w+:\/\/)[^/@\s]+@/g, '$1')

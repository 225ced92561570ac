import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type ApiClient, createClient } from '../api/client.ts'
import type { GroupStatus, Status } from '../api/contract.ts'
import { HoldfastError, isCode } from '../model/errors.ts'
import { isAlive } from './local-region.ts'
import { traceHeaders } from './trace-command.ts'

export interface ConnectOptions {
  readonly plan: string
  readonly state?: string
  readonly server?: string
}

/** A controller to talk to, for the time of one command. */
export interface Connection {
  readonly client: ApiClient
  /** Where reports are saved. */
  readonly stateDir: string
  /** The controller ends with this command, and its operations with it. */
  readonly inProcess: boolean
  /** A controller that comes back may listen somewhere else; undefined: none runs. */
  readonly find: () => Promise<ApiClient | undefined>
  readonly close: () => Promise<void>
}

/** The state directory stands beside the plan file, so that two plans never share one. */
export function stateDirOf(options: ConnectOptions): string {
  return resolve(options.state ?? join(dirname(resolve(options.plan)), '.holdfast'))
}

/**
 * `--server`, else the controller that runs on the state directory, else one of our own (D4).
 * Whoever connects closes.
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const stateDir = stateDirOf(options)
  if (options.server !== undefined) {
    const token = process.env.HOLDFAST_TOKEN
    const client = createClient({
      url: checkServer(options.server),
      ...(token === undefined ? {} : { token }),
      headers: traceHeaders,
    })
    await requireAnswer(client)
    const find = async () => client
    return { client, stateDir, inProcess: false, find, close: async () => undefined }
  }
  return (await theirController(stateDir)) ?? ownOrTheirs(options.plan, stateDir)
}

/** Another command holds the state directory for a moment, or begins to perform something. */
const takenForMs = 20_000
const lookAgainMs = 300

/** Two commands at once: the second one waits until the first has ended, or joins what it performs. */
async function ownOrTheirs(plan: string, stateDir: string): Promise<Connection> {
  const until = performance.now() + takenForMs
  for (;;) {
    try {
      return await ownController(plan, stateDir)
    } catch (error) {
      if (!isCode(error, 'controller.already-running') || performance.now() > until) throw error
    }
    await delay(lookAgainMs)
    const theirs = await theirController(stateDir)
    if (theirs !== undefined) return theirs
  }
}

async function theirController(stateDir: string): Promise<Connection | undefined> {
  const client = await runningController(stateDir)
  if (client === undefined) return undefined
  const find = () => runningController(stateDir)
  return { client, stateDir, inProcess: false, find, close: async () => undefined }
}

/** For whoever comes second; what stands behind options is nobody's business. */
function commandWords(): string {
  const words = process.argv.slice(2)
  const end = words.findIndex((word) => word.startsWith('-'))
  return (end < 0 ? words : words.slice(0, end)).join(' ')
}

/** A controller for the time of one command: it probes, and passes only when it is asked to. */
async function ownController(planFile: string, stateDir: string): Promise<Connection> {
  const { openController } = await import('./open-controller.ts')
  const controller = await openController({
    plan: planFile,
    stateDir,
    listen: { host: '127.0.0.1', port: 0 },
    syncEveryMs: null,
    probeEveryMs: 1000,
    logLevel: 'error',
    command: commandWords(),
  })
  // Otherwise the first thing it says of every member would be that it does not know.
  await controller.settled()
  const client = createClient({
    ...{ url: controller.url, token: controller.token, headers: traceHeaders },
  })
  const find = async () => client
  return { client, stateDir, inProcess: true, find, close: () => controller.close() }
}

/** The group of the plan; a controller serves one. */
export function onlyGroup(status: Status): GroupStatus {
  const [group] = status.groups
  if (group === undefined) {
    throw new HoldfastError('group.not-found', 'The controller protects no group.', {
      kind: 'operator',
      hint: 'Start it with a plan file: holdfast controller --plan continuity.yaml',
    })
  }
  return group
}

function checkServer(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.origin
  throw new HoldfastError('usage.server', `--server is not the address of a controller: ${text}`, {
    kind: 'operator',
    hint: 'Write it as http://HOST:PORT; the token goes into HOLDFAST_TOKEN.',
  })
}

/** Undefined when none runs there. */
export async function runningController(stateDir: string): Promise<ApiClient | undefined> {
  const note = readControllerFile(join(stateDir, 'controller.json'))
  if (note === undefined || !isAlive(note.pid)) return undefined
  const client = createClient({ url: note.url, token: note.token, headers: traceHeaders })
  try {
    await requireAnswer(client, ` (process ${note.pid})`)
    return client
  } catch (error) {
    // The note is old and its process id belongs to somebody else; the lock decides who works here.
    if (isCode(error, 'controller.unreachable')) return undefined
    // Somebody else has its port now: what we know of it is not true there.
    if (isCode(error, 'request.unauthorized')) return undefined
    throw error
  }
}

/** A process that is stopped, or a machine that drops what it gets, would be waited for without end. */
const answerWithinMs = 10_000

async function requireAnswer(client: ApiClient, who = ''): Promise<void> {
  const signal = AbortSignal.timeout(answerWithinMs)
  try {
    await client.operations({ limit: 1 }, { signal })
  } catch (cause) {
    if (!signal.aborted) throw cause
    throw new HoldfastError(
      'controller.silent',
      `The controller at ${client.url}${who} takes connections and does not answer.`,
      {
        kind: 'transient',
        place: client.url,
        hint: 'Look whether its process is stopped or its machine overloaded. Killing it loses nothing; the next one goes on.',
        cause,
      },
    )
  }
}

interface ControllerFile {
  readonly url: string
  readonly token: string
  readonly pid: number
}

function readControllerFile(path: string): ControllerFile | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return JSON.parse(text) as ControllerFile
  } catch (cause) {
    throw new HoldfastError('controller.bad-note', 'The note of the controller is not readable.', {
      kind: 'operator',
      place: path,
      hint: 'Stop the controller, if one runs, and delete this file.',
      cause,
    })
  }
}

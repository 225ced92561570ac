import { readFile } from 'node:fs/promises'
import picomatch from 'picomatch'
import { Agent, request } from 'undici'
import { HoldfastError } from '../../model/errors.ts'
import { isAbsent, oneAtATime, writeAtomically } from '../../store/write-atomically.ts'
import { refuseStale } from '../epoch-guard.ts'
import type { StableEndpoint, StablePointer, StableTarget } from '../stable-endpoint.ts'
import { notSwitched } from '../traffic-errors.ts'
import { type GatewayPointer, type MemberRoute, parsePointer } from './pointer.ts'

/** Scoring endpoints of a member, as `GatewayMember` gives them. */
export interface GatewayMember {
  /** ARM id of the workspace. */
  readonly workspaceId: string
  readonly apiOrigin: string
  readonly caPath?: string
  readonly endpoints: Readonly<
    Record<string, { readonly scoringUri: string; readonly keys?: readonly string[] }>
  >
}

export interface GatewayEndpointOptions {
  /** As in `continuity.yaml`. */
  readonly name: string
  readonly group: string
  /** Where the gateway looks; holds keys, mode 0600. */
  readonly pointerFile: string
  /** Where the gateway listens, e.g. `http://127.0.0.1:8443`. A function, if it is known later. */
  readonly address: string | (() => string)
  /** PEM of the CA of the gateway's own certificate, if it has one. */
  readonly caPath?: string
  /** Glob over names of online endpoints. Default: all. */
  readonly match?: string
  /** Whether requests to an online endpoint may be sent twice (hot-hot). */
  readonly isRepeatable: (endpoint: string) => boolean
  /** Whether all members share the requests of those. Default: the primary gets all it can answer. */
  readonly isBalanced?: boolean
  /** Scoring URIs and keys of a member's online endpoints, read from it at a switch. */
  readonly readEndpoints: (
    member: string,
    target: StableTarget,
    options: { readonly signal?: AbortSignal },
  ) => Promise<GatewayMember['endpoints']>
  /** How long `verify` waits for the gateway to follow. Default 3 s. */
  readonly followMs?: number
}

export interface GatewayEndpoint extends StableEndpoint {
  /**
   * Tells the gateway the routes of a member, without changing where it leads. Call it when endpoints
   * change, so that the gateway knows the other side before it is needed. Throws
   * `traffic.no-pointer` before the first `switchTo`.
   */
  publish(member: string, routes: GatewayMember): Promise<void>
}

/** Leads by the pointer file that a gateway follows. */
export function gatewayEndpoint(options: GatewayEndpointOptions): GatewayEndpoint {
  const { pointerFile, group } = options
  const place = `gateway ${options.name}`
  const isMatch = picomatch(options.match ?? '*')

  const change = (next: (existing: GatewayPointer | undefined) => GatewayPointer): Promise<void> =>
    oneAtATime(pointerFile, async () => {
      const existing = await readPointer(pointerFile)
      const pointer = next(existing)
      if (existing !== undefined && JSON.stringify(existing) === JSON.stringify(pointer)) return
      const text = `${JSON.stringify(pointer, null, 2)}\n`
      await writeAtomically(pointerFile, text, { mode: 0o600, forceMode: true })
    })

  const withMember = (
    existing: GatewayPointer | undefined,
    leading: StablePointer,
    member: string,
    routes: GatewayMember,
  ): GatewayPointer => {
    const members = { ...existing?.members, [member]: routeOf(routes, isMatch) }
    const names = Object.values(members).flatMap((one) => Object.keys(one.endpoints))
    const repeatable = [...new Set(names)].filter(options.isRepeatable).toSorted()
    return {
      version: 1,
      group,
      epoch: leading.epoch,
      active: leading.member,
      members,
      repeatable,
      balanced: options.isBalanced ?? false,
    }
  }

  return {
    name: place,

    async current() {
      return pointerIn(await readPointer(pointerFile))
    },

    async switchTo(pointer, target, { signal } = {}) {
      // Refused before the target is asked anything, and again when the file is written.
      refuseStale(pointerIn(await readPointer(pointerFile)), pointer, place)
      const endpoints = await options.readEndpoints(pointer.member, target, {
        ...(signal && { signal }),
      })
      signal?.throwIfAborted()
      const routes = { ...memberOf(target), endpoints }
      await change((existing) => {
        refuseStale(pointerIn(existing), pointer, place)
        return withMember(existing, pointer, pointer.member, routes)
      })
    },

    publish: (member, routes) =>
      change((existing) => {
        const leading = pointerIn(existing)
        if (leading !== undefined) return withMember(existing, leading, member, routes)
        throw new HoldfastError('traffic.no-pointer', 'The gateway has not been switched yet.', {
          place,
        })
      }),

    async verify(pointer, { signal } = {}) {
      // What a gateway would follow that starts now, then what the one follows that runs.
      const written = pointerIn(await readPointer(pointerFile))
      if (written?.member !== pointer.member || written.epoch !== pointer.epoch) {
        throw notSwitched(place, `Its pointer file does not lead to ${pointer.member}.`)
      }
      const address = typeof options.address === 'string' ? options.address : options.address()
      const ca = options.caPath === undefined ? undefined : await readFile(options.caPath, 'utf8')
      const agent = new Agent({ connect: ca === undefined ? {} : { ca } })
      try {
        await untilFollowed(address, pointer, agent, options.followMs ?? 3000, place, signal)
      } finally {
        await agent.destroy()
      }
    },
  }
}

const pointerIn = (pointer: GatewayPointer | undefined): StablePointer | undefined =>
  pointer && { member: pointer.active, epoch: pointer.epoch }

/** A pointer that cannot be read cannot be compared with: going on could go back an epoch (I1). */
async function readPointer(file: string): Promise<GatewayPointer | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw unreadable(file, 'it cannot be opened', error)
  }
  const parsed = parsePointer(text)
  if (!parsed.ok) throw unreadable(file, parsed.problem, undefined)
  return parsed.pointer
}

function unreadable(file: string, problem: string, cause: unknown): HoldfastError {
  return new HoldfastError(
    'traffic.pointer-unreadable',
    `The pointer file is broken: ${problem}.`,
    {
      kind: 'operator',
      place: file,
      hint: 'Move the file away and repeat the switch; the gateway keeps its last known answer meanwhile.',
      cause,
    },
  )
}

function memberOf({ place, caPath }: StableTarget): Omit<GatewayMember, 'endpoints'> {
  const { subscriptionId, resourceGroup, workspaceName, apiOrigin } = place
  return {
    workspaceId: `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.MachineLearningServices/workspaces/${workspaceName}`,
    apiOrigin,
    ...(caPath === undefined ? {} : { caPath }),
  }
}

function routeOf(member: GatewayMember, isMatch: (name: string) => boolean): MemberRoute {
  const endpoints = Object.entries(member.endpoints)
    .filter(([name]) => isMatch(name))
    .map(([name, { scoringUri, keys }]) => [name, { scoringUri, keys: [...(keys ?? [])] }])
  return {
    apiOrigin: member.apiOrigin,
    workspaceId: member.workspaceId,
    ...(member.caPath === undefined ? {} : { caPath: member.caPath }),
    endpoints: Object.fromEntries(endpoints),
  }
}

const betweenLooksMs = 50

async function untilFollowed(
  address: string,
  pointer: StablePointer,
  agent: Agent,
  followMs: number,
  place: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const giveUpAt = Date.now() + followMs
  for (;;) {
    const seen = await ask(address, agent, signal)
    if (seen.active === pointer.member && seen.epoch === pointer.epoch) return
    signal?.throwIfAborted()
    if (Date.now() >= giveUpAt) {
      const leads = seen.active === undefined ? 'does not answer' : `leads to ${seen.active}`
      const message = `The gateway ${leads}, not to ${pointer.member} in epoch ${pointer.epoch}.`
      throw notSwitched(place, message, `Look at ${address}/_gateway/status.`, seen.cause)
    }
    await new Promise((resolve) => setTimeout(resolve, betweenLooksMs))
  }
}

interface Seen {
  readonly active?: unknown
  readonly epoch?: unknown
  readonly cause?: unknown
}

async function ask(address: string, agent: Agent, signal: AbortSignal | undefined): Promise<Seen> {
  try {
    const answer = await request(`${address}/_gateway/status`, {
      dispatcher: agent,
      headersTimeout: 2000,
      bodyTimeout: 2000,
      ...(signal && { signal }),
    })
    const body: unknown = await answer.body.json()
    return typeof body === 'object' && body !== null ? body : {}
  } catch (cause) {
    return { cause }
  }
}

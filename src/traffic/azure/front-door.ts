import { type ApiDocument, documentAt } from '../http/api-client.ts'
import { markOf, pointerOfMark } from '../pointer-mark.ts'
import type { StableEndpoint, StablePointer } from '../stable-endpoint.ts'
import { trafficEndpoint } from '../traffic-endpoint.ts'
import { type ArmResource, armResources } from './arm-resources.ts'
import { type AzureTrafficOptions, lastName, problemOf } from './azure-traffic.ts'

const apiVersion = '2025-06-01'

/** The fields of an origin that are switched. */
interface OriginSettings {
  readonly enabledState: unknown
  readonly priority: unknown
}

interface State {
  readonly profile: ArmResource
  readonly origins: Readonly<Record<string, ArmResource>>
}

/**
 * Leads an Azure Front Door origin group by priority and state of its origins; `members` are origin
 * names. Origins have no room for an epoch and no common write, so the profile's tag is written
 * first: from then on an older epoch is refused (I1), and whoever finds tag and origins apart goes on.
 */
export function frontDoorEndpoint(options: AzureTrafficOptions): StableEndpoint {
  const { id, members, others, probe } = options
  const arm = armResources(options.cloud, apiVersion, 'CDN Profile Contributor')
  const profileId = id.replace(/\/originGroups\/[^/]+$/i, '')
  const tag = `holdfast-${lastName(id)}`

  async function read(signal: AbortSignal | undefined): Promise<State> {
    const profile = await arm.get(profileId, { signal })
    const entries = Object.entries(members).map(
      async ([member, origin]) =>
        [member, await arm.get(`${id}/origins/${origin}`, { signal })] as const,
    )
    return { profile, origins: Object.fromEntries(await Promise.all(entries)) }
  }

  const wantedFor = (member: string, pointer: StablePointer): OriginSettings =>
    member === pointer.member
      ? { enabledState: 'Enabled', priority: 1 }
      : { enabledState: others === 'standby' ? 'Enabled' : 'Disabled', priority: 2 }

  async function writeTag(
    { profile }: State,
    mark: unknown,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const tags = documentAt(profile.document.tags)
    if (tags[tag] === mark) return
    const { [tag]: _ours, ...rest } = tags
    // Azure replaces tags as a whole.
    const next = mark === undefined ? rest : { ...rest, [tag]: mark }
    await arm.patch(profile, { tags: next }, { signal })
  }

  async function writeOrigin(
    origin: ArmResource,
    wanted: OriginSettings,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (isSet(origin, wanted)) return
    await arm.patch(origin, { properties: wanted }, { signal })
  }

  return trafficEndpoint<State>(
    {
      name: `front door ${lastName(id)}`,
      async look({ signal }) {
        const state = await read(signal)
        return { pointer: pointerOfMark(text(documentAt(state.profile.document.tags)[tag])), state }
      },
      async lead(pointer, state, { signal }) {
        await writeTag(state, markOf(pointer), signal)
        // The one that answers first: a group without an enabled origin answers nobody.
        const order = Object.keys(members).toSorted((a) => (a === pointer.member ? -1 : 1))
        for (const member of order) {
          const origin = state.origins[member]
          if (origin) await writeOrigin(origin, wantedFor(member, pointer), signal)
        }
      },
      async restore(before, { signal }) {
        const now = await read(signal)
        const order = Object.entries(before.origins).toSorted(([, a]) =>
          settingsOf(a).enabledState === 'Enabled' ? -1 : 1,
        )
        for (const [member, origin] of order) {
          const current = now.origins[member]
          if (current) await writeOrigin(current, settingsOf(origin), signal)
        }
        await writeTag(now, documentAt(before.profile.document.tags)[tag], signal)
      },
      async problem(pointer, { signal }) {
        const { origins } = await read(signal)
        const off = Object.entries(origins).find(
          ([member, origin]) => !isSet(origin, wantedFor(member, pointer)),
        )
        const settings = off && `The origin ${members[off[0]]} is not set as it should be.`
        return problemOf(settings, probe, pointer, signal)
      },
    },
    { patienceMs: options.patienceMs },
  )
}

function settingsOf({ document }: ArmResource): OriginSettings {
  const { enabledState, priority } = documentAt(document.properties) as ApiDocument &
    Partial<OriginSettings>
  return { enabledState, priority }
}

function isSet(origin: ArmResource, wanted: OriginSettings): boolean {
  const { enabledState, priority } = settingsOf(origin)
  return enabledState === wanted.enabledState && priority === wanted.priority
}

const text = (value: unknown) => (typeof value === 'string' ? value : undefined)

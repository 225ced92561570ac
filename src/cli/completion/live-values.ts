import { type ApiClient, createClient } from '../../api/client.ts'
import { onlyGroup, runningController, stateDirOf } from '../connect.ts'

const membersOf = async (client: ApiClient, signal: AbortSignal) =>
  onlyGroup(await client.status({ signal })).members.map(({ name }) => name)

/** By the name of an option or argument: what a running controller knows of it. */
const sources = {
  group: async (client, signal) => [onlyGroup(await client.status({ signal })).group],
  member: membersOf,
  keep: async (client, signal) => [...(await membersOf(client, signal)), 'both'],
  kind: async (client, signal) =>
    onlyGroup(await client.status({ signal })).counts.map(({ kind }) => kind),
  object: async (client, signal) => {
    const { group } = onlyGroup(await client.status({ signal }))
    return (await client.conflicts(group, {}, { signal })).items.map(({ object }) => object)
  },
  operation: async (client, signal) =>
    (await client.operations({}, { signal })).items.map(({ id }) => id),
} satisfies Record<string, (client: ApiClient, signal: AbortSignal) => Promise<readonly string[]>>

export type LiveName = keyof typeof sources
export const liveNames = Object.keys(sources) as LiveName[]

/** Others write names; one that a shell would take apart or run is not put into somebody's line. */
const isPlain = (value: string) => /^[\w./:@%+,-]+$/.test(value)

/** Somebody waits for the next character. */
const patienceMs = 1500

/** Empty where no controller runs or answers at once: a half-typed line is no place for an error. */
export async function liveValues(
  name: LiveName,
  words: readonly string[],
): Promise<readonly string[]> {
  try {
    const client = await controllerOf(words)
    if (client === undefined) return []
    return (await sources[name](client, AbortSignal.timeout(patienceMs))).filter(isPlain)
  } catch {
    return []
  }
}

/** The controller that the words on the line would ask; none is started. */
async function controllerOf(words: readonly string[]): Promise<ApiClient | undefined> {
  const valueAfter = (option: string): string | undefined => {
    const at = words.indexOf(option)
    return at < 0 ? undefined : words[at + 1]
  }
  const server = valueAfter('--server')
  const token = process.env.HOLDFAST_TOKEN
  if (server !== undefined)
    return createClient({ url: server, ...(token === undefined ? {} : { token }) })
  const state = valueAfter('--state')
  const plan = valueAfter('--plan') ?? 'continuity.yaml'
  return runningController(stateDirOf({ plan, ...(state === undefined ? {} : { state }) }))
}

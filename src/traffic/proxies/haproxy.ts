import { HoldfastError } from '../../model/errors.ts'
import { writeAtomically } from '../../store/write-atomically.ts'
import { type OutsideLook, problemSeenFromOutside } from '../outside-look.ts'
import { markOf, pointerOfMark } from '../pointer-mark.ts'
import type { StableEndpoint } from '../stable-endpoint.ts'
import { trafficEndpoint } from '../traffic-endpoint.ts'
import { haproxyCommand } from './haproxy-runtime.ts'

export interface HaproxyOptions {
  /** As in the plan; the map has one entry of this name. */
  readonly name: string
  /** Runtime API: path of the socket, or `host:port`. */
  readonly socket: string
  /** The map file, as HAProxy's configuration names it. */
  readonly map: string
  /** Member -> name of its server in the backend. */
  readonly servers: Readonly<Record<string, string>>
  readonly probe: Pick<OutsideLook, 'url' | 'caPath'>
  readonly patienceMs: number
}

/**
 * Leads by one entry of an HAProxy map, `west@6`, from which the backend takes server and epoch
 * (`haproxySnippet`): one command, so a request sees the old pointer or the new. When HAProxy runs
 * on this machine the map file is written, too, and first: a restart must not go back an epoch (I1).
 * The runtime API has no conditional write; the epoch register keeps other controllers away.
 */
export function haproxyEndpoint(options: HaproxyOptions): StableEndpoint {
  const { name, socket, map, servers } = options
  const place = `haproxy ${name}`
  const run = (command: string, signal: AbortSignal | undefined) =>
    haproxyCommand(socket, command, signal)

  async function readMap(signal: AbortSignal | undefined): Promise<Map<string, string>> {
    const text = await run(`show map ${map}`, signal)
    // A line is an address, a key and the rest; anything else is HAProxy's complaint.
    if (text !== '' && !text.startsWith('0x')) throw refused(place, text)
    const lines = text.split('\n').map((line) => /^0x\w+ (\S+) (.*)$/.exec(line) ?? [])
    return new Map(lines.map(([, key = '', value = '']) => [key, value.trim()]))
  }

  async function write(wanted: string, signal: AbortSignal | undefined): Promise<void> {
    const entries = await readMap(signal)
    if (entries.get(name) === wanted) return
    const verb = entries.has(name) ? 'set' : 'add'
    const after = new Map([...entries, [name, wanted]])
    if (socket.startsWith('/')) {
      const text = [...after].map(([key, value]) => `${key} ${value}\n`).join('')
      await writeAtomically(map, text, { mode: 0o644 })
    }
    const answer = await run(`${verb} map ${map} ${name} ${wanted}`, signal)
    if (answer !== '') throw refused(place, answer)
  }

  return trafficEndpoint<string | undefined>(
    {
      name: place,
      async look({ signal }) {
        const mark = (await readMap(signal)).get(name)
        const set = pointerOfMark(mark)
        const member = Object.keys(servers).find((one) => servers[one] === set?.member)
        return {
          pointer: set && { member: member ?? set.member, epoch: set.epoch },
          state: mark,
        }
      },
      lead: ({ member, epoch }, _seen, { signal }) =>
        write(markOf({ member: servers[member] ?? member, epoch }), signal),
      // Before the first switch there was no pointer; nothing was led anywhere by it.
      restore: (before, { signal }) => write(before ?? none, signal),
      problem: (pointer, { signal }) =>
        problemSeenFromOutside(
          { ...options.probe, answers: servers, epochHeader: 'x-holdfast-epoch' },
          pointer,
          signal,
        ),
    },
    { patienceMs: options.patienceMs },
  )
}

/** Names no server, so that HAProxy chooses by its own rules. */
const none = '-'

function refused(place: string, said: string): HoldfastError {
  return new HoldfastError('traffic.refused', `HAProxy refused: ${said.slice(0, 300)}`, {
    kind: 'operator',
    place,
    hint: 'Does its configuration use this map, and has the socket `level admin`?',
  })
}

/** What the backend of an HAProxy configuration has to hold, besides its servers. */
export function haproxySnippet({ name, map }: Pick<HaproxyOptions, 'name' | 'map'>): string {
  return `    # Chosen once for each request, so that its answer names what led it.
    http-request set-var(txn.holdfast) str(${name}),map(${map})
    use-server %[var(txn.holdfast),field(1,@)] if { var(txn.holdfast) -m found }
    http-response set-header x-holdfast-member %[srv_name]
    http-response set-header x-holdfast-epoch %[var(txn.holdfast),field(2,@)]
    option redispatch 1
    retry-on conn-failure
`
}

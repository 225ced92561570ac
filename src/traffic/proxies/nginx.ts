import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { HoldfastError } from '../../model/errors.ts'
import { isAbsent, writeAtomically } from '../../store/write-atomically.ts'
import { type OutsideLook, problemSeenFromOutside } from '../outside-look.ts'
import { markOf, pointerOfMark } from '../pointer-mark.ts'
import type { StableEndpoint, StablePointer } from '../stable-endpoint.ts'
import { trafficEndpoint } from '../traffic-endpoint.ts'

export interface NginxOptions {
  /** As in the plan; names the upstream `holdfast_NAME`. */
  readonly name: string
  /** The file that Holdfast writes and the `http` block includes. */
  readonly snippet: string
  /** Member -> `host:port`. */
  readonly servers: Readonly<Record<string, string>>
  /** Checks the configuration; program and arguments. */
  readonly test: readonly string[]
  /** Makes nginx read it. */
  readonly reload: readonly string[]
  readonly probe: Pick<OutsideLook, 'url' | 'caPath'>
  readonly patienceMs: number
}

/**
 * Leads by a file that nginx includes. At a reload the old workers finish the requests they have, so
 * none is lost; they close idle connections, so a client that writes into one at that instant has to
 * ask again, as at any time with HTTP. A configuration that nginx does not accept is put back
 * before it is used. A file has no conditional write; the epoch register keeps other controllers away.
 */
export function nginxEndpoint(options: NginxOptions): StableEndpoint {
  const { snippet, name } = options
  const place = `nginx ${name}`

  const write = async (text: string | undefined): Promise<void> => {
    if (text === undefined) await rm(snippet, { force: true })
    else await writeAtomically(snippet, text, { mode: 0o644 })
  }

  return trafficEndpoint<string | undefined>(
    {
      name: place,
      async look() {
        const text = await readIfThere(snippet)
        const [, mark] = /^# holdfast (\S+)$/m.exec(text ?? '') ?? []
        return { pointer: pointerOfMark(mark), state: text }
      },
      async lead(pointer, before, { signal }) {
        const text = nginxSnippet(options, pointer)
        if (text === before) return
        await write(text)
        try {
          await run(options.test, place, signal)
        } catch (error) {
          await write(before)
          throw error
        }
        await run(options.reload, place, signal)
      },
      async restore(before, { signal }) {
        await write(before)
        await run(options.reload, place, signal)
      },
      problem: (pointer, { signal }) =>
        problemSeenFromOutside(
          { ...options.probe, epochHeader: 'x-holdfast-epoch' },
          pointer,
          signal,
        ),
    },
    // Until the old workers are told to stop, they accept connections beside the new ones.
    { patienceMs: options.patienceMs, looks: 5, everyMs: 40 },
  )
}

/**
 * One server only: a request that it does not answer is an error, never an answer from the side that
 * does not lead. The host has a variable because Azure's endpoints look at name and `Host`.
 */
export function nginxSnippet(
  { name, servers }: Pick<NginxOptions, 'name' | 'servers'>,
  pointer: StablePointer,
): string {
  const server = servers[pointer.member] ?? pointer.member
  const id = variableName(name)
  return `# holdfast ${markOf(pointer)}
# Written by Holdfast; changes by hand are lost at the next switch.
upstream holdfast_${id} { server ${server}; keepalive 64; }
map "" $holdfast_${id}_host { default "${server.replace(/:\d+$/, '')}"; }
map "" $holdfast_${id}_member { default "${pointer.member}"; }
map "" $holdfast_${id}_epoch { default "${pointer.epoch}"; }
`
}

/** What a `location` has to hold. */
export function nginxLocation(name: string, scheme: 'http' | 'https'): string {
  const id = variableName(name)
  return `    proxy_pass ${scheme}://holdfast_${id};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $holdfast_${id}_host;
    proxy_ssl_server_name on;
    proxy_ssl_name $holdfast_${id}_host;
    add_header x-holdfast-member $holdfast_${id}_member always;
    add_header x-holdfast-epoch $holdfast_${id}_epoch always;
`
}

const variableName = (name: string) => name.replace(/\W/g, '_')

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

const timeoutMs = 15_000

function run(
  [program = '', ...args]: readonly string[],
  place: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { timeout: timeoutMs, ...(signal && { signal }) }
    execFile(program, args, options, (cause, _stdout, stderr) => {
      if (cause === null) resolve()
      else reject(signal?.aborted ? signal.reason : refused(place, stderr, cause))
    })
  })
}

function refused(place: string, stderr: string, cause: Error): HoldfastError {
  const said = stderr.trim().split('\n').at(-1) ?? ''
  return new HoldfastError(
    'traffic.refused',
    `nginx refused: ${(said || cause.message).slice(0, 300)}`,
    {
      kind: 'operator',
      place,
      hint: 'Run the `test` command of this entry by hand.',
      cause,
    },
  )
}

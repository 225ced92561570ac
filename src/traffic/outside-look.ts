import { readFile } from 'node:fs/promises'
import { Agent, request } from 'undici'
import type { StablePointer } from './stable-endpoint.ts'

/** How to ask from outside where requests arrive. */
export interface OutsideLook {
  /** Asked with GET; anything but a server error will do, what counts is who answers. */
  readonly url: string
  /** PEM of a certificate authority to trust besides the public ones. */
  readonly caPath?: string | undefined
  /** Header of the answer that tells the member. */
  readonly memberHeader?: string | undefined
  /** What the header says for each member; absent: its name. */
  readonly answers?: Readonly<Record<string, string>> | undefined
  /** Header that tells the epoch; absent: nothing along the way knows it. */
  readonly epochHeader?: string | undefined
}

const timeoutMs = 5000

/** Undefined when a new connection gets its answer from there; otherwise why not, in one sentence. */
export async function problemSeenFromOutside(
  look: OutsideLook,
  pointer: StablePointer,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const { memberHeader = 'x-holdfast-member', epochHeader, answers } = look
  const ca = look.caPath === undefined ? undefined : await readFile(look.caPath, 'utf8')
  const agent = new Agent({ connect: { timeout: timeoutMs, ...(ca === undefined ? {} : { ca }) } })
  try {
    const answer = await request(look.url, {
      dispatcher: agent,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal: signal ?? null,
    })
    await answer.body.dump()
    const member = String(answer.headers[memberHeader.toLowerCase()] ?? '')
    const wanted = answers?.[pointer.member] ?? pointer.member
    if (answer.statusCode >= 500) return `${look.url} answers ${answer.statusCode}.`
    if (member !== wanted) {
      return `${look.url} is answered by ${member === '' ? 'nobody it names' : member}, not by ${wanted}.`
    }
    if (epochHeader === undefined) return undefined
    const epoch = String(answer.headers[epochHeader.toLowerCase()] ?? '')
    if (epoch === String(pointer.epoch)) return undefined
    return `${look.url} is answered in epoch ${epoch || 'unknown'}, not ${pointer.epoch}.`
  } catch (error) {
    signal?.throwIfAborted()
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    return `${look.url} does not answer${code}.`
  } finally {
    await agent.destroy()
  }
}

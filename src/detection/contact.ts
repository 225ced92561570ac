import type { ProbeResult } from '../workspace/workspace.ts'

/** When a member was heard of, over the processes that asked it. Pure (D7). */
export interface Contact {
  /** When any plane last gave any answer, a refusal included; null: none is known. */
  readonly answeredAt: string | null
  /** When the first probe of the unbroken series without any answer was sent; null: the last was answered. */
  readonly silentSince: string | null
  /** It answered right before; otherwise the silence may be older than the series. */
  readonly whole: boolean
  /** Rounds of that series. */
  readonly rounds: number
  readonly probedAt: string
}

/**
 * A member that nobody has asked for longer than this may have answered meanwhile, in milliseconds;
 * as long as a vantage point may be silent and keep its vote.
 */
export const unbrokenForMs = 30_000

export function contactAfter(
  before: Contact | undefined,
  results: readonly ProbeResult[],
  unbrokenMs: number = unbrokenForMs,
): Contact | undefined {
  const probedAt = results.map(({ at }) => at).reduce(later, '')
  if (probedAt === '') return before
  const answers = results.filter(({ healthy, refused }) => healthy || refused === true)
  if (answers.length > 0) {
    const answeredAt = answers.map(({ at }) => at).reduce(later)
    return { answeredAt, silentSince: null, whole: false, rounds: 0, probedAt }
  }
  const answeredAt = before?.answeredAt ?? null
  const asked = results.map(({ at }) => at).sort()[0] ?? probedAt
  const isSoonAfter = (at: string | null) =>
    at !== null && Date.parse(asked) - Date.parse(at) <= unbrokenMs
  if (before !== undefined && before.silentSince !== null && isSoonAfter(before.probedAt))
    return { ...before, rounds: before.rounds + 1, probedAt }
  return { answeredAt, silentSince: asked, whole: isSoonAfter(answeredAt), rounds: 1, probedAt }
}

const later = (a: string, b: string) => (a > b ? a : b)

/** `since …`, or what is known instead (I8). */
export function silenceText({ answeredAt, silentSince, whole, rounds }: Contact): string {
  const times = `${rounds} times in a row`
  if (whole) return `${times} since ${silentSince}`
  const last =
    answeredAt === null ? 'no answer is known' : `its last known answer was ${answeredAt}`
  return `${times}, at least since ${silentSince}; ${last}`
}

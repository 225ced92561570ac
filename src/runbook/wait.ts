/** Whose answer a step waits for. */
export interface WaitTerms {
  /** Role of the people who may answer. */
  readonly for: string
  /** How many different people have to agree. */
  readonly people: number
  /** What they are asked; one sentence. */
  readonly reason: string
  /** In milliseconds; null: it waits for ever. */
  readonly expiresMs: number | null
  /** Does the person who asked for the run count as one of them? */
  readonly askerCounts: boolean
}

/** No two people have the same id; a name is for people and may be chosen. */
export interface Person {
  readonly id: string
  readonly name: string
}

export interface Answer {
  /** Name of the person. */
  readonly by: string
  readonly id: string
  readonly reason: string | null
  readonly at: string
}

/** How a wait stands; folded from the journal. */
export interface WaitRecord {
  readonly for: string
  readonly people: number
  readonly since: string
  readonly expiresAt: string | null
  /** Who does not count: the person who asked for the run. */
  readonly excluded: Person | null
  /** One for each person. */
  readonly approvals: readonly Answer[]
  readonly rejection: Answer | null
}

export type WaitEvent =
  | {
      readonly type: 'wait-began'
      readonly step: string
      readonly for: string
      readonly people: number
      readonly reason: string
      readonly expiresAt: string | null
      readonly excluded: Person | null
    }
  | {
      readonly type: 'approved' | 'rejected'
      readonly step: string
      readonly by: string
      readonly id: string
      readonly reason: string | null
    }

export type WaitState = 'open' | 'granted' | 'rejected' | 'expired'

/**
 * Pure: who counts is decided here, in the order of the journal, and nowhere else. The same person
 * twice is one person; the asker is none where the plan says so; an answer after the expiry or after
 * a rejection is none. A wait that goes on after a crash keeps its beginning.
 */
export function advanceWait(
  wait: WaitRecord | undefined,
  event: WaitEvent & { readonly at: string },
): WaitRecord | undefined {
  if (event.type === 'wait-began') {
    const { for: role, people, expiresAt, excluded, at } = event
    return (
      wait ?? {
        ...{ for: role, people, since: at, expiresAt, excluded },
        ...{ approvals: [], rejection: null },
      }
    )
  }
  const { by, id, reason, at } = event
  if (wait === undefined || stateOfWait(wait, at) !== 'open') return wait
  if (event.type === 'rejected') return { ...wait, rejection: { by, id, reason, at } }
  if (whyNotCounted(wait, { id, name: by }) !== undefined) return wait
  return { ...wait, approvals: [...wait.approvals, { by, id, reason, at }] }
}

export function stateOfWait(wait: WaitRecord, now: string): WaitState {
  if (wait.rejection !== null) return 'rejected'
  if (wait.approvals.length >= wait.people) return 'granted'
  return wait.expiresAt !== null && now >= wait.expiresAt ? 'expired' : 'open'
}

/** Why the approval of a person would not count; one sentence. */
export function whyNotCounted(wait: WaitRecord, { id, name }: Person): string | undefined {
  if (wait.approvals.some((each) => each.id === id)) {
    return `${name} has approved already; ${wait.people} different people have to.`
  }
  return id === wait.excluded?.id
    ? `${name} asked for this run, so somebody else has to approve it.`
    : undefined
}

/** `1 of 2 approvers has agreed.` */
export function waitSentence(wait: WaitRecord): string {
  const { approvals, people } = wait
  const names = approvals.map(({ by }) => by).join(', ')
  return `${approvals.length} of ${people} agreed${names === '' ? '' : `: ${names}`}.`
}

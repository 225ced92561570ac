import type { Operation } from '../api/contract.ts'

/** Whose answer an operation waits for, until when, and how it is given (I8). */
export function waitingText({ id, waiting, waitingFor }: Operation): string {
  if (!waiting) return `waiting for ${waitingFor ?? 'a human'}`
  const { for: role, people, approvals, excluded, expiresAt, reason } = waiting
  const names = approvals.map(({ by }) => by).join(', ')
  const agreed = people === 1 ? '' : `, ${approvals.length} of ${people} agreed`
  return [
    `waiting for ${role}: ${reason}${agreed}${names === '' ? '' : ` (${names})`}`,
    ...(excluded === null ? [] : [`${excluded} asked for it and does not count`]),
    ...(expiresAt === null ? [] : [`until ${expiresAt}`]),
    `answer with: holdfast approve ${id}`,
  ].join('; ')
}

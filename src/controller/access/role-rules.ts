import { readFile } from 'node:fs/promises'
import { LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { everyGroup, type Role, roles } from '../../api/roles.ts'
import { HoldfastError } from '../../model/errors.ts'

/** What an identity provider says of somebody, as far as rules ask for it. */
export type Claims = Readonly<Record<string, readonly string[]>>

/** Whoever has this value among those of this claim has this role in this group. */
export interface RoleRule {
  readonly group: string
  readonly role: Role
  readonly claim: string
  readonly is: string
}

const file = z.strictObject({
  rules: z.array(
    z.strictObject({
      group: z.string().min(1).default(everyGroup),
      role: z.enum(roles),
      claim: z.string().min(1),
      is: z.string().min(1),
    }),
  ),
})

/** Throws `roles.unreadable`, `roles.invalid` (operator), the latter with every mistake. */
export async function loadRoleRules(path: string): Promise<readonly RoleRule[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new HoldfastError('roles.unreadable', `The roles file ${path} cannot be read.`, {
      ...{ kind: 'operator', place: path, cause },
      hint: 'Name it with --roles FILE; docs/sign-in.md shows one.',
    })
  })
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const mistakes = document.errors.map(
    ({ message, pos }) => `line ${lines.linePos(pos[0]).line}: ${message}`,
  )
  const parsed = mistakes.length > 0 ? undefined : file.safeParse(document.toJS())
  for (const { path: at, message } of parsed?.error?.issues ?? []) {
    mistakes.push(`${at.join('.') || 'the file'}: ${message}`)
  }
  if (parsed?.data !== undefined) return parsed.data.rules
  throw new HoldfastError('roles.invalid', `The roles file has mistakes: ${mistakes.join('; ')}.`, {
    ...{ kind: 'operator', place: path },
    hint: 'Each rule is { role, claim, is } and may name a group; docs/sign-in.md shows one.',
  })
}

/** The highest role by group. */
export function rolesOf(rules: readonly RoleRule[], claims: Claims): Record<string, Role> {
  const found = new Map<string, Role>()
  for (const { group, role, claim, is } of rules) {
    const values = Object.hasOwn(claims, claim) ? claims[claim] : undefined
    if (!values?.includes(is)) continue
    const before = found.get(group)
    if (before === undefined || roles.indexOf(role) > roles.indexOf(before)) found.set(group, role)
  }
  return Object.fromEntries(found)
}

/**
 * Of a verified token: the claims that rules ask for. An address counts when the provider says that
 * it was verified, because elsewhere people may write into their profile what they like.
 */
export function claimsFor(
  rules: readonly RoleRule[],
  token: Readonly<Record<string, unknown>>,
): Claims {
  const kept = new Map<string, readonly string[]>()
  for (const { claim } of rules) {
    if (claim === 'email' && token.email_verified !== true) continue
    const value = Object.hasOwn(token, claim) ? token[claim] : undefined
    const texts = [value].flat().filter((each) => typeof each === 'string')
    if (texts.length > 0) kept.set(claim, texts)
  }
  return Object.fromEntries(kept)
}

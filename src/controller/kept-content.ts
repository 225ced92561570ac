import { createHash } from 'node:crypto'
import type { KeptContent, KeptPage, OpenKept } from '../api/conflict-contract.ts'
import { HoldfastError } from '../model/errors.ts'
import type { Direction } from '../replication/ledger.ts'
import type { KeptContent as Kept } from '../replication/resolutions.ts'
import { opened, withoutSeals } from '../workspace/sealing.ts'
import type { CallOptions } from '../workspace/workspace.ts'
import { type PageAsked, pageAfter } from './list-pages.ts'
import { memberOf } from './members.ts'
import { courseNow, type ProtectedGroup } from './protected-group.ts'

interface Found {
  readonly direction: Direction
  readonly kept: Kept
}

/** What resolutions put aside on either way, newest first; what is sealed in it stays so. */
export async function listKept(
  group: ProtectedGroup,
  { object, ...page }: PageAsked & { readonly object?: string | undefined },
): Promise<KeptPage> {
  return pageAfter((await findKept(group, object)).map(sealedView), ({ id }) => id, page)
}

/** With what is sealed in it. Throws `kept.not-found`, `sealing.no-key` (operator). */
export async function openKept(
  group: ProtectedGroup,
  { object, id }: OpenKept,
  options: CallOptions,
): Promise<KeptContent> {
  const found = (await findKept(group, object)).find((one) => idOf(one) === id)
  if (found === undefined)
    throw new HoldfastError('kept.not-found', `Nothing of '${object}' is kept as ${id}.`, {
      ...{ kind: 'operator', hint: 'List what is: holdfast conflicts kept' },
    })
  const keeper = memberOf(group.members, found.direction.target).workspace
  return { ...sealedView(found), body: await opened(keeper, found.kept.body, options) }
}

/** After a move the direction is the other one; what was put aside before it is had back all the same. */
async function findKept(group: ProtectedGroup, object: string | undefined): Promise<Found[]> {
  const { direction } = await courseNow(group)
  const { source, target } = direction
  const both = [direction, { ...direction, source: target, target: source }]
  const lists = await Promise.all(
    both.map(async (one) =>
      (await group.records.resolutions.kept(one, object)).map((kept) => ({ direction: one, kept })),
    ),
  )
  return lists.flat().sort((a, b) => (a.kept.at > b.kept.at ? -1 : a.kept.at < b.kept.at ? 1 : 0))
}

function sealedView({ direction, kept }: Found): KeptContent {
  const { object, kind, side, digest, at } = kept
  const { body, seals } = withoutSeals(kept.body)
  const member = direction[side]
  return { id: idOf({ direction, kept }), object, kind, member, side, digest, body, seals, at }
}

/** Of the row: the same content may have been put aside for several objects, and on either way. */
function idOf({ direction: { source, target }, kept: { object, side, digest } }: Found): string {
  const row = JSON.stringify([source, target, object, side, digest])
  return createHash('sha256').update(row).digest('hex').slice(0, 16)
}

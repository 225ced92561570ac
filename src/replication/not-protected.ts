import { formatObjectId, parseObjectId } from '../model/object-id.ts'
import type { NotProtected } from '../workspace/workspace.ts'
import type { Direction, Ledger, LedgerEntry } from './ledger.ts'
import { writeChanged } from './objects.ts'
import { acted, entryFor, failureOf, type Pass, reading } from './pass-state.ts'

const kind = 'not-protected'
const code = 'object.not-protected'
const gone = { code: 'object.gone', message: 'not at the source any more' }
/** More sorts than any service has. */
const limit = 100

/**
 * Says what the source holds that no pass carries: as a row, so that status can name it, and in the
 * plan. It is out of scope and holds no replication point; only silence about it would be wrong (I8).
 */
export async function passNotProtected(pass: Pass): Promise<void> {
  const { ledger } = pass.context
  const found = new Map((await look(pass)).map((one) => [one.what, one]))
  const known = await ledger.rows(pass.direction, { kind, limit })
  const names = new Set([
    ...known.map(({ object }) => parseObjectId(object).path[0]),
    ...found.keys(),
  ])
  const entries = [...names].map((what = '') => entryOf(pass, what, found.get(what)))
  const rows = await ledger.read(
    pass.direction,
    entries.map(({ object }) => object),
  )
  await writeChanged(pass, entries, rows)
}

async function look(pass: Pass): Promise<readonly NotProtected[]> {
  try {
    return await pass.context.source.findNotProtected(reading(pass))
  } catch (error) {
    const reason = failureOf(error).message
    return [{ what: 'things beside what is copied', count: undefined, reason }]
  }
}

function entryOf(pass: Pass, what: string, one: NotProtected | undefined): LedgerEntry {
  const id = { kind, path: [what] } as const
  const message = one === undefined ? undefined : sentenceOf(one)
  if (message !== undefined)
    acted(pass, { object: formatObjectId(id), kind, action: 'skip', reason: message })
  return entryFor(pass, id, {
    state: 'skipped',
    sourceDigest: null,
    targetDigest: null,
    sourceVersion: null,
    targetVersion: null,
    error: message === undefined ? gone : { code, message },
  })
}

function sentenceOf({ what, count, reason }: NotProtected): string {
  return count === undefined
    ? `${what}, if there are any, are not copied: ${reason}`
    : `${count} ${what} are not copied: ${reason}`
}

export const roleNotPermitted = 'role.not-permitted'

/** What the last look found, one sentence each. */
export async function notProtected(
  ledger: Pick<Ledger, 'rows'>,
  direction: Direction,
): Promise<readonly string[]> {
  const rows = await ledger.rows(direction, { kind, limit })
  const sorts = rows.flatMap(({ error }) => (error?.code === code ? [error.message] : []))
  return [...sorts, ...(await rolesLeft(ledger, direction))]
}

/** One sentence where this identity may not give roles; none otherwise. */
export async function rolesLeft(
  ledger: Pick<Ledger, 'rows'>,
  direction: Direction,
): Promise<string[]> {
  const filter = { kind: 'role-assignment', state: 'skipped', limit: 1000 }
  const left = (await ledger.rows(direction, filter)).filter(
    ({ error }) => error?.code === roleNotPermitted,
  )
  const [first] = left
  if (first === undefined) return []
  return [`${left.length} role assignments are not copied: ${first.error?.message}`]
}

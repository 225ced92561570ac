import { describe, expect, it } from 'vitest'
import {
  conflictError,
  decideAction,
  isAsCopiedBack,
  isAsLeft,
  type Observation,
  younger,
} from './decide-action.ts'
import type { LedgerEntry } from './ledger.ts'

function row(changes: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    object: 'model/a/1',
    kind: 'model',
    state: 'proven',
    sourceDigest: 'left',
    targetDigest: 'left',
    sourceVersion: null,
    targetVersion: null,
    bytes: 0,
    error: null,
    epoch: 1,
    at: '2026-01-01T00:00:00.000Z',
    ...changes,
  }
}

const foreign = conflictError(
  decideAction({ desired: 'a', target: 'b', unchangedSinceProven: undefined }),
)
const changed = conflictError(
  decideAction({ desired: 'a', target: 'b', unchangedSinceProven: false }),
)

describe('decideAction', () => {
  const rows: readonly (readonly [string, Observation, string])[] = [
    ['absent', { desired: 'a', target: undefined, unchangedSinceProven: undefined }, 'create'],
    ['absent again', { desired: 'a', target: undefined, unchangedSinceProven: false }, 'create'],
    ['equal, ours', { desired: 'a', target: 'a', unchangedSinceProven: true }, 'none'],
    ['equal, not ours', { desired: 'a', target: 'a', unchangedSinceProven: undefined }, 'none'],
    ['equal, both changed', { desired: 'a', target: 'a', unchangedSinceProven: false }, 'none'],
    ['as we left it', { desired: 'a', target: 'b', unchangedSinceProven: true }, 'update'],
    ['a stranger’s', { desired: 'a', target: 'b', unchangedSinceProven: undefined }, 'conflict'],
    ['changed there', { desired: 'a', target: 'b', unchangedSinceProven: false }, 'conflict'],
    [
      'archived here',
      { desired: 'a', target: 'b', unchangedSinceProven: true, archivesOnly: true },
      'archive',
    ],
    [
      'archived here, changed there',
      { desired: 'a', target: 'b', unchangedSinceProven: false, archivesOnly: true },
      'conflict',
    ],
  ]
  it.each(rows)('%s', (_, seen, action) => expect(decideAction(seen).action).toBe(action))
})

describe('isAsLeft: is the target’s content ours? (I3)', () => {
  const rows: readonly (readonly [string, LedgerEntry | undefined, string, boolean | undefined])[] =
    [
      ['nothing known', undefined, 'x', undefined],
      ['proven', row(), 'left', true],
      ['changed since', row(), 'x', false],
      [
        'intended',
        row({ state: 'pending', sourceDigest: 'new', targetDigest: 'left' }),
        'new',
        true,
      ],
      [
        'not begun',
        row({ state: 'pending', sourceDigest: 'new', targetDigest: 'left' }),
        'left',
        true,
      ],
      [
        'failed update',
        row({ state: 'failed', sourceDigest: 'new', targetDigest: 'left' }),
        'left',
        true,
      ],
      [
        'failed, then changed',
        row({ state: 'failed', sourceDigest: 'new', targetDigest: 'left' }),
        'x',
        false,
      ],
      [
        'failed create, then a stranger’s',
        row({ state: 'failed', targetDigest: null }),
        'x',
        undefined,
      ],
      [
        'captured, then a stranger’s',
        row({ state: 'skipped', targetDigest: null }),
        'x',
        undefined,
      ],
      [
        'a stranger’s, seen before',
        row({ state: 'conflict', targetDigest: 'x', error: foreign }),
        'x',
        undefined,
      ],
      [
        'changed there, seen before',
        row({ state: 'conflict', targetDigest: 'x', error: changed }),
        'x',
        false,
      ],
    ]
  it.each(rows)('%s', (_, entry, target, expected) =>
    expect(isAsLeft(entry, target)).toBe(expected),
  )
})

describe('the way back', () => {
  it('knows content that came from here', () => {
    expect(isAsCopiedBack(undefined, ['left'])).toBeUndefined()
    expect(isAsCopiedBack(row(), ['other', 'left'])).toBe(true)
    expect(isAsCopiedBack(row(), ['other'])).toBe(false)
    expect(isAsCopiedBack(row({ state: 'conflict' }), ['left'])).toBe(false)
    expect(isAsCopiedBack(row({ sourceDigest: null }), [''])).toBe(false)
  })

  it('believes the younger row: epoch before time', () => {
    const later = { at: '2026-01-02T00:00:00.000Z' }
    expect(younger(undefined, undefined)).toBeUndefined()
    expect(younger(row(), undefined)).toBe('forward')
    expect(younger(undefined, row())).toBe('backward')
    expect(younger(row(later), row({ epoch: 2 }))).toBe('backward')
    expect(younger(row(), row(later))).toBe('backward')
    expect(younger(row(later), row())).toBe('forward')
  })
})

import { isCode } from '../model/errors.ts'
import type { ObjectId } from '../model/object-id.ts'
import { findDamage, readContent } from './image-content.ts'
import type { LedgerEntry } from './ledger.ts'
import { digestOf } from './object-forms.ts'
import { type Pass, reading } from './pass-state.ts'
import { verifyCodes } from './verify-codes.ts'
import { type Sight, sightOf } from './verify-sight.ts'

/** Reads the bytes at the target alone: a digest says what they have to be. */
export async function verifyImage(pass: Pass, row: LedgerEntry, id: ObjectId): Promise<Sight> {
  const { source, target } = pass.context
  const [from, to] = await Promise.all([
    source.getObject(id, reading(pass)),
    target.getObject(id, reading(pass)),
  ])
  const sight = sightOf(row, from && digestOf(id, from.body), to && digestOf(id, to.body))
  if (sight.is !== 'equal') return sight
  const [repository = '', reference = ''] = id.path
  try {
    const content = await readContent(pass, target, repository, reference)
    const damaged = await findDamage(pass, target, repository, content)
    if (damaged === undefined) return { is: 'equal', bytes: content.sizeBytes }
    return different(`its layer ${damaged} is damaged at the target`)
  } catch (error) {
    if (!isCode(error, 'image.not-found') && !isCode(error, 'image.corrupt')) throw error
    return different('a manifest of it is missing or damaged at the target')
  }
}

const different = (message: string): Sight => ({
  ...{ is: 'different', code: verifyCodes.notEqual, message },
})

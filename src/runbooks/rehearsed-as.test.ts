import { expect, it } from 'vitest'
import { drill, rehearsedAs } from './drill.ts'
import { failover } from './failover.ts'

it('names steps that there are', () => {
  const idsOf = (book: { readonly steps: readonly { readonly id: string }[] }) =>
    book.steps.map(({ id }) => id)
  expect(idsOf(failover)).toEqual(expect.arrayContaining([...rehearsedAs.keys()]))
  expect(idsOf(drill)).toEqual(expect.arrayContaining([...rehearsedAs.values()]))
})

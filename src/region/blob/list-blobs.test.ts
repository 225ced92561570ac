import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { after, type BlobRow } from './blob-tables.ts'
import { listBlobs, type ReadBlobs } from './list-blobs.ts'

const row = (name: string): BlobRow => ({
  id: 0,
  account: 'a',
  container: 'c',
  name,
  size: 0,
  etag: '',
  createdAt: 0,
  modifiedAt: 0,
  properties: { contentType: '', metadata: {} },
})

/** As the database orders: by the bytes of UTF-8. */
const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

const reader =
  (names: readonly string[]): ReadBlobs =>
  ({ prefix, from, limit }) =>
    names
      .filter((name) => compare(name, prefix) >= 0 && compare(name, from.name) >= 0)
      .filter((name) => compare(name, after(prefix)) < 0)
      .slice(0, limit)
      .map(row)

/** What a listing means, said without pages. */
function expected(names: readonly string[], prefix: string, delimiter: string | undefined) {
  const found = names
    .filter((name) => name.startsWith(prefix))
    .map((name) => {
      const at = delimiter === undefined ? -1 : name.indexOf(delimiter, prefix.length)
      return at < 0 ? `blob ${name}` : `prefix ${name.slice(0, at + 1)}`
    })
  return [...new Set(found)]
}

const names = fc.uniqueArray(
  fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é', '\u{1F71A}'), minLength: 1, maxLength: 5 }),
  { maxLength: 25 },
)

describe('a listing', () => {
  it('shows everything once, in whatever pages', () => {
    fc.assert(
      fc.property(
        names,
        fc.constantFrom('', 'a', 'a/', 'é', '/'),
        fc.constantFrom(undefined, '/'),
        fc.integer({ min: 1, max: 4 }),
        (unsorted, prefix, delimiter, limit) => {
          const sorted = unsorted.toSorted(compare)
          const found: string[] = []
          let marker: string | undefined
          do {
            const page = listBlobs(reader(sorted), { prefix, delimiter, marker, limit })
            expect(page.items.length).toBeLessThanOrEqual(limit)
            for (const item of page.items) {
              found.push('blob' in item ? `blob ${item.blob.name}` : `prefix ${item.prefix}`)
            }
            marker = page.nextMarker || undefined
          } while (marker !== undefined)
          expect(found).toEqual(expected(sorted, prefix, delimiter))
        },
      ),
    )
  })
})

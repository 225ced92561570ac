/**
 * A stretch of a file that has been written: bytes `start` to `start + length` of the file are those
 * of `content` from `offset` on. What no extent covers is zero.
 */
export interface Extent {
  readonly start: number
  readonly length: number
  readonly content: string
  readonly offset: number
}

const end = ({ start, length }: Pick<Extent, 'start' | 'length'>) => start + length

/** What is left of extents, in order, when the stretch from `from` to `to` is written or cleared. */
export function without(extents: readonly Extent[], from: number, to: number): Extent[] {
  return extents.flatMap((one) => {
    const left = { ...one, length: Math.min(end(one), from) - one.start }
    const cut = Math.max(to - one.start, 0)
    const right = { ...one, start: one.start + cut, offset: one.offset + cut }
    const rest = { ...right, length: end(one) - right.start }
    // An extent that the stretch does not touch would be told twice.
    if (to <= one.start || from >= end(one)) return [one]
    return [left, rest].filter(({ length }) => length > 0)
  })
}

/** What a reader of a stretch gets, in order: pieces of content, and holes. */
export function pieces(
  extents: readonly Extent[],
  from: number,
  to: number,
): Array<Extent | { readonly hole: number }> {
  const found: Array<Extent | { readonly hole: number }> = []
  let at = from
  for (const one of extents) {
    const start = Math.max(one.start, from)
    const length = Math.min(end(one), to) - start
    if (length <= 0) continue
    if (start > at) found.push({ hole: start - at })
    found.push({ ...one, start, length, offset: one.offset + start - one.start })
    at = start + length
  }
  if (at < to) found.push({ hole: to - at })
  return found
}

/** Written stretches as the service lists them: neighbours are one, both ends belong to it. */
export function ranges(
  extents: readonly Extent[],
  from: number,
  to: number,
): Array<{ first: number; last: number }> {
  const found: Array<{ first: number; last: number }> = []
  for (const one of pieces(extents, from, to)) {
    if ('hole' in one) continue
    const previous = found.at(-1)
    if (previous?.last === one.start - 1) previous.last = end(one) - 1
    else found.push({ first: one.start, last: end(one) - 1 })
  }
  return found
}

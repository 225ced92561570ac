/** The `Date` header of an answer, in whole seconds that have passed; undefined: none that can be read. */
export function dateOf(header: string | undefined): Date | undefined {
  const date = new Date(header ?? Number.NaN)
  return Number.isNaN(date.getTime()) ? undefined : date
}

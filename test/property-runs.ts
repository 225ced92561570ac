/**
 * How many cases of a property are tried. `HOLDFAST_PROPERTY_RUNS=5000 npx vitest run FILE` tries so
 * many of them, each from the seed that fast-check prints.
 */
export function propertyRuns(usual: number): number {
  return Number(process.env.HOLDFAST_PROPERTY_RUNS ?? usual)
}

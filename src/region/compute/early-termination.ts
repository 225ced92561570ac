import { asRecord, asText, type Document } from '../arm/document.ts'

/**
 * Whether a policy ends a trial whose metric has these values, seen beside those of all trials. As
 * in Azure, each value logged is an interval. Pure.
 */
export function isHopeless(
  policy: Document,
  goal: 'maximize' | 'minimize',
  own: readonly number[],
  all: readonly (readonly number[])[],
): boolean {
  const delay = Number(policy.delayEvaluation ?? 0)
  const every = Math.max(1, Number(policy.evaluationInterval ?? 1))
  if (own.length === 0 || own.length < delay || own.length < every) return false
  // Everything is judged as if it were to be maximised.
  const sign = goal === 'minimize' ? -1 : 1
  const series = all.map((values) => values.map((value) => sign * value))
  const best = (values: readonly number[]) => Math.max(...values)
  const mine = own.map((value) => sign * value)
  const comparable = series.filter((values) => values.length >= mine.length)
  switch (asText(policy.policyType)) {
    case 'Bandit':
      return best(mine) < allowance(policy, best(series.flat()))
    case 'MedianStopping':
      return best(mine) < median(comparable.map((values) => mean(values.slice(0, mine.length))))
    case 'TruncationSelection': {
      const ranked = comparable
        .map((values) => best(values.slice(0, mine.length)))
        .sort((a, b) => a - b)
      const cut = Math.floor((ranked.length * Number(policy.truncationPercentage ?? 0)) / 100)
      const worst = ranked[cut - 1]
      return worst !== undefined && best(mine) <= worst
    }
    default:
      return false
  }
}

export const hasPolicy = (value: unknown) => asText(asRecord(value).policyType) !== undefined

/** How far behind the best a trial may be. */
function allowance(policy: Document, best: number): number {
  const amount = Number(policy.slackAmount ?? 0)
  if (amount > 0) return best - amount
  const factor = Number(policy.slackFactor ?? 0)
  return best - Math.abs(best) * (1 - 1 / (1 + factor))
}

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const [low = Number.NEGATIVE_INFINITY, high = low] =
    sorted.length % 2 === 0 ? sorted.slice(middle - 1, middle + 1) : [sorted[Math.floor(middle)]]
  return (low + high) / 2
}

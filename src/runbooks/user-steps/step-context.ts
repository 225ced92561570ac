import type { Json } from '../../model/json.ts'

/** What a step of the plan's own may know of the run; the words of `{{…}}` and of `HOLDFAST_…`. */
export interface StepContext {
  readonly group: string
  readonly runbook: string
  readonly run: string
  readonly step: string
  /** The epoch that the run moves the group into or, in a re-protection, works in. */
  readonly epoch: number
  readonly from: string
  readonly to: string
}

/** The same for every repetition, also after a crash: who understands it acts once. */
export function idempotencyKey({ run, step }: StepContext): string {
  return `${run}/${step}`
}

const pattern = /\{\{\s*(\w+)\s*\}\}/g

export function filled(
  text: string,
  context: StepContext,
  encode: (value: string) => string = (value) => value,
): string {
  return text.replaceAll(pattern, (_, word: string) =>
    encode(String(context[word as keyof StepContext])),
  )
}

export function filledJson(value: Json, context: StepContext): Json {
  if (typeof value === 'string') return filled(value, context)
  if (Array.isArray(value)) return value.map((each: Json) => filledJson(each, context))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, filledJson(each ?? null, context)]),
  )
}

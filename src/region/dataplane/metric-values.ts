import { isRecord } from '../arm/document.ts'
import { AzureError } from '../context.ts'
import { microsOf, microsToMs } from './instant.ts'

/** A step is a 64-bit integer: a bigint where a number would round it. */
export type Step = number | bigint
export const scalarSchema = 'azureml.v1.scalar'
export const tableSchema = 'azureml.v1.table'

/** One value on its way into the table; `value` is undefined for what is no plain number. */
export interface NewValue {
  readonly metricId: string | undefined
  readonly createdMs: number
  /** The instant as it was written, where milliseconds do not say it all. */
  readonly createdText: string | undefined
  readonly step: Step | undefined
  readonly value: number | undefined
  readonly data: string | undefined
}

const special = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])

/** A number as JSON carries it here: not-a-number and the infinities are strings. */
export const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' ? value : special.get(value as string)

export const toWire = (value: number): number | string =>
  Number.isFinite(value) ? value : String(value)

export const stepToWire = (step: Step): number | string =>
  typeof step === 'bigint' ? String(step) : step

const int64 = { lowest: -(2n ** 63n), highest: 2n ** 63n - 1n }

/** Undefined when absent; throws 400 for what is no 64-bit integer. */
export function stepOf(step: unknown): Step | undefined {
  if (step === undefined || step === null) return undefined
  if (Number.isSafeInteger(step)) return step as number
  if (typeof step === 'string' && /^-?\d{1,19}$/.test(step)) {
    const whole = BigInt(step)
    const rounded = Number(whole)
    if (Number.isSafeInteger(rounded)) return rounded
    if (whole >= int64.lowest && whole <= int64.highest) return whole
  }
  throw new AzureError(400, 'ValidationError', 'A step must be a 64-bit integer.')
}

/** Reads one value of a metric as `batch` writes it. `now` stands in for an absent `createdUtc`. */
export function readValue(name: string, written: unknown, now: number): NewValue {
  if (!isRecord(written) || !isRecord(written.data))
    throw new AzureError(400, 'ValidationError', `A value of the metric '${name}' has no data.`)
  const { metricId } = written
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  const isId = typeof metricId === 'string' && /^[^\u0000-\u001f]{1,255}$/.test(metricId)
  if (metricId !== undefined && metricId !== null && !isId)
    throw new AzureError(400, 'ValidationError', 'A metricId must be a string.')
  const [column, ...others] = Object.keys(written.data)
  const plain = column === undefined || others.length > 0 ? undefined : written.data[column]
  const value = numberOf(plain)
  const isCanonical = value !== undefined && column === name
  return {
    metricId: isId ? metricId : undefined,
    ...instantOf(written.createdUtc, now),
    step: stepOf(written.step),
    value,
    data: isCanonical ? undefined : JSON.stringify(written.data),
  }
}

function instantOf(createdUtc: unknown, now: number) {
  if (createdUtc === undefined || createdUtc === null)
    return { createdMs: now, createdText: undefined }
  const micros = typeof createdUtc === 'string' ? microsOf(createdUtc) : undefined
  if (typeof createdUtc !== 'string' || micros === undefined)
    throw new AzureError(400, 'ValidationError', "'createdUtc' is not a date and time in ISO 8601.")
  const createdMs = microsToMs(micros)
  const isExact = new Date(createdMs).toISOString() === createdUtc
  return { createdMs, createdText: isExact ? undefined : createdUtc }
}

/** MLflow's order of "latest": by step, then by time, then by value. */
export function isLater(
  a: { step: Step | undefined; createdMs: number; value: number },
  b: { step: Step | undefined; createdMs: number; value: number },
): boolean {
  const [stepA, stepB] = [a.step ?? 0, b.step ?? 0]
  if (stepA !== stepB) return stepA > stepB
  if (a.createdMs !== b.createdMs) return a.createdMs > b.createdMs
  return Number.isNaN(b.value) || a.value >= b.value
}

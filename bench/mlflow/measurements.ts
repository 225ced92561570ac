import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { Work } from './ways.ts'

/** What MLflow's own client and the databases say of two servers; see `compare.py`. */
export interface Comparison {
  readonly lossless: boolean
  readonly points: { readonly source: number; readonly equal: number }
  readonly [key: string]: unknown
}

export interface Result extends Work {
  readonly requests: number
  readonly serverCpuSeconds: { readonly source: number; readonly target: number }
  readonly comparison: Comparison
}

export interface MeasurementKey {
  readonly shape: string
  readonly runs: number
  readonly rttMs: number
  readonly way: string
}

/** Measurements that outlive a bench which is broken off: one line of JSON each. */
export function measurements(file: string | undefined): {
  find(key: MeasurementKey): Result | undefined
  add(key: MeasurementKey, result: Result): void
} {
  const known = new Map<string, Result>()
  const textOf = ({ shape, runs, rttMs, way }: MeasurementKey) =>
    JSON.stringify([shape, runs, rttMs, way])
  if (file !== undefined && existsSync(file))
    for (const line of readFileSync(file, 'utf8')
      .split('\n')
      .filter((one) => one !== '')) {
      const { key, result } = JSON.parse(line) as { key: MeasurementKey; result: Result }
      known.set(textOf(key), result)
    }
  return {
    find: (key) => known.get(textOf(key)),
    add(key, result) {
      if (known.has(textOf(key))) return
      known.set(textOf(key), result)
      if (file !== undefined) appendFileSync(file, `${JSON.stringify({ key, result })}\n`)
    },
  }
}

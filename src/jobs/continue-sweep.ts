import type { JsonObject } from '../model/json.ts'
import { object } from './checkpoint-place.ts'
import type { Continued } from './continued.ts'

export function isSweep(body: JsonObject): boolean {
  return object(body.properties).jobType === 'Sweep'
}

/**
 * Takes what finished trials have used up from a sweep's number of trials; they stay as runs of the
 * sweep they belong to. Only where each trial is drawn anew: one that follows a grid, a sequence or a
 * seed would try the same points again and leave out those at its end. Pure.
 */
export function continueSweep(body: JsonObject, finishedTrials: number): Continued {
  const properties = object(body.properties)
  const limits = object(properties.limits)
  const total = Number(limits.maxTotalTrials)
  if (finishedTrials === 0 || !(total > 0) || !isDrawnAnew(properties)) {
    return { body, progress: null }
  }
  const left = total - finishedTrials
  return {
    body: {
      ...body,
      properties: { ...properties, limits: { ...limits, maxTotalTrials: Math.max(1, left) } },
    },
    progress: { after: `${finishedTrials} of ${total} trials`, isComplete: left <= 0 },
  }
}

function isDrawnAnew({ samplingAlgorithm }: JsonObject): boolean {
  const { samplingAlgorithmType, seed, rule } = object(samplingAlgorithm)
  if (samplingAlgorithmType === 'Bayesian') return true
  const isSequence = typeof rule === 'string' && rule.toLowerCase() === 'sobol'
  return samplingAlgorithmType === 'Random' && (seed ?? null) === null && !isSequence
}

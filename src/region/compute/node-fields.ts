import { asRecord, asText, type Document, isRecord } from '../arm/document.ts'

/*
 * A pipeline's nodes are untyped: clients send the fields of their YAML in snake case, and some in
 * the camel case of the service. Both become what a job of its own would have.
 */

export function camelKeys(value: unknown): Document {
  return Object.fromEntries(
    Object.entries(asRecord(value)).map(([key, one]) => [
      key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      one,
    ]),
  )
}

const distributionNames: Readonly<Record<string, string>> = {
  pytorch: 'PyTorch',
  mpi: 'Mpi',
  tensorflow: 'TensorFlow',
}

export function distributionOf(value: unknown): Document | undefined {
  if (!isRecord(value)) return undefined
  const { type, distributionType = type, ...rest } = camelKeys(value)
  const name = asText(distributionType) ?? ''
  return { ...rest, distributionType: distributionNames[name.toLowerCase()] ?? name }
}

export const resourcesOf = (value: unknown): Document | undefined =>
  isRecord(value) ? camelKeys(value) : undefined

export function limitsOf(value: unknown): Document | undefined {
  if (!isRecord(value)) return undefined
  const limits = camelKeys(value)
  for (const field of ['timeout', 'trialTimeout'])
    if (typeof limits[field] === 'number') limits[field] = `PT${limits[field]}S`
  return limits
}

const policyNames: Readonly<Record<string, string>> = {
  bandit: 'Bandit',
  median_stopping: 'MedianStopping',
  truncation_selection: 'TruncationSelection',
}

export function sweepOfNode(node: Document): Document {
  const {
    type,
    policyType = type,
    ...policy
  } = camelKeys(node.early_termination ?? node.earlyTermination)
  const name = asText(policyType)
  return {
    searchSpace: node.search_space ?? node.searchSpace,
    samplingAlgorithm: samplingOf(node.sampling_algorithm ?? node.samplingAlgorithm),
    objective: camelKeys(node.objective),
    limits: limitsOf(node.limits) ?? {},
    ...(name !== undefined && {
      earlyTermination: { ...policy, policyType: policyNames[name] ?? name },
    }),
  }
}

function samplingOf(value: unknown): Document {
  if (!isRecord(value)) return { samplingAlgorithmType: asText(value) ?? 'random' }
  const { type, samplingAlgorithmType = type, ...rest } = camelKeys(value)
  return { ...rest, samplingAlgorithmType }
}

import { asRecord, asText, type Document, isRecord } from '../arm/document.ts'
import { AzureError } from '../context.ts'

/** What a trial is given for each name of the search space. */
export type Sample = Readonly<Record<string, string>>

/** A name of the search space: its distribution and the distribution's arguments, in Azure's order. */
interface Dimension {
  readonly name: string
  readonly type: string
  readonly values: readonly unknown[]
}

const argumentNames: Readonly<Record<string, readonly string[]>> = {
  choice: ['values'],
  randint: ['upper'],
  uniform: ['min_value', 'max_value'],
  loguniform: ['min_value', 'max_value'],
  quniform: ['min_value', 'max_value', 'q'],
  qloguniform: ['min_value', 'max_value', 'q'],
  normal: ['mu', 'sigma'],
  lognormal: ['mu', 'sigma'],
  qnormal: ['mu', 'sigma', 'q'],
  qlognormal: ['mu', 'sigma', 'q'],
}

/**
 * The trials of a sweep, at most `limit`. Pure but for `random`. Throws AzureError 400 for what a
 * local region does not sample; Bayesian sampling is refused, for another would be another experiment.
 */
export function samples(
  searchSpace: Document,
  algorithm: unknown,
  limit: number,
  random: () => number,
): Sample[] {
  const space = Object.entries(searchSpace).map(([name, given]) => dimensionOf(name, given))
  if (space.length === 0) throw refused('The search space of the sweep is empty.')
  const named = isRecord(algorithm) ? algorithm.samplingAlgorithmType : algorithm
  const type = asText(named)?.toLowerCase() ?? 'random'
  if (type === 'grid') return grid(space).slice(0, limit)
  if (type === 'random')
    return Array.from({ length: limit }, () =>
      Object.fromEntries(space.map((dimension) => [dimension.name, draw(dimension, random)])),
    )
  throw refused(`A local region samples by grid and at random, not '${String(named)}'.`)
}

/** A seeded generator (mulberry32), so that a sweep with a seed is the same sweep every time. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** `["uniform", [0, 1]]` as the service stores it, or the mapping that a pipeline's node holds. */
function dimensionOf(name: string, given: unknown): Dimension {
  if (Array.isArray(given)) {
    const [type, values] = given as [unknown, unknown]
    return checked({ name, type: String(type), values: Array.isArray(values) ? values : [] })
  }
  const document = asRecord(given)
  const type = String(document.type)
  const values = (argumentNames[type] ?? []).map((key) => document[key])
  return checked({ name, type, values })
}

function checked(dimension: Dimension): Dimension {
  const { name, type, values } = dimension
  const wanted = argumentNames[type]
  if (!wanted) throw refused(`'${type}' of '${name}' is not a distribution.`)
  const isRight =
    type === 'choice'
      ? Array.isArray(values[0]) && values[0].length > 0
      : values.length === wanted.length && values.every((value) => Number.isFinite(Number(value)))
  if (!isRight) throw refused(`The ${type} of '${name}' needs ${wanted.join(', ')}.`)
  return dimension
}

function grid(space: readonly Dimension[]): Sample[] {
  let all: Sample[] = [{}]
  for (const { name, type, values } of space) {
    if (type !== 'choice')
      throw refused(`Grid sampling takes choices only; '${name}' is a ${type}.`)
    const choices = values[0] as unknown[]
    all = all.flatMap((sample) => choices.map((value) => ({ ...sample, [name]: text(value) })))
  }
  return all
}

function draw({ type, values }: Dimension, random: () => number): string {
  if (type === 'choice') {
    const choices = values[0] as unknown[]
    return text(choices[Math.floor(random() * choices.length)])
  }
  const [first = 0, second = 0, third = 1] = values.map(Number)
  if (type === 'randint') return String(Math.floor(random() * first))
  const isQuantised = type.startsWith('q')
  const plain = isQuantised ? type.slice(1) : type
  const value = drawPlain(plain, first, second, random)
  return String(isQuantised ? Math.round(value / third) * third : value)
}

function drawPlain(type: string, first: number, second: number, random: () => number): number {
  switch (type) {
    case 'uniform':
      return first + random() * (second - first)
    case 'loguniform':
      return Math.exp(first + random() * (second - first))
    case 'lognormal':
      return Math.exp(first + second * standardNormal(random))
    default:
      return first + second * standardNormal(random)
  }
}

/** Box and Muller's. */
const standardNormal = (random: () => number) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
const refused = (message: string) => new AzureError(400, 'UserError', message)

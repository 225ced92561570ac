import picomatch from 'picomatch'
import type { Kind } from '../model/kinds.ts'
import type { ObjectId } from '../model/object-id.ts'
import type { ContinuityPlan, Strategy, StrategyRule } from './continuity-plan.ts'

/** Design section 6: what holds for a kind that the file does not mention. */
export const defaultStrategies: readonly StrategyRule[] = [
  ...hot('hot-warm', [
    'workspace',
    'outbound-rule',
    'connection',
    'datastore',
    'compute',
    'code',
    'environment',
    'data',
    'model',
    'component',
    'feature-entity',
    'feature-set',
    'batch-endpoint',
    'run',
    'logged-model',
    'trace',
    'registered-model',
    'blob',
    'image',
    'role-assignment',
  ]),
  ...hot('hot-hot', ['online-endpoint']),
  ...hot('hot-cold', ['job', 'schedule', 'experiment']),
]

function hot(strategy: Strategy, ofKinds: readonly Kind[]): StrategyRule[] {
  return ofKinds.map((kind) => ({ kind, strategy }))
}

/**
 * A rule for a kind also holds for what belongs to it: the container of a version, the deployments
 * of an endpoint. A rule that names the part itself wins when it stands later.
 */
const belongsTo: Partial<Record<Kind, Kind>> = {
  'code-container': 'code',
  'environment-container': 'environment',
  'data-container': 'data',
  'model-container': 'model',
  'component-container': 'component',
  'feature-entity-container': 'feature-entity',
  'feature-set-container': 'feature-set',
  'model-version': 'registered-model',
  'online-deployment': 'online-endpoint',
  'batch-deployment': 'batch-endpoint',
}

/** The strategy of one object: the first rule from the end that fits. */
export function strategyOf(plan: Pick<ContinuityPlan, 'strategies'>, id: ObjectId): Strategy {
  const rule = plan.strategies.findLast((candidate) => matchesRule(candidate, id))
  // Every kind has a default rule; a plan built without them still gets the middle way.
  return rule?.strategy ?? 'hot-warm'
}

/** Rules about a kind hold for its containers and deployments, too. */
export function matchesRule(rule: Pick<StrategyRule, 'kind' | 'name'>, id: ObjectId): boolean {
  if (rule.kind !== id.kind && rule.kind !== belongsTo[id.kind]) return false
  return rule.name === undefined || matcher(rule.name)(nameOf(id))
}

/** Globs are about the object's own name, whatever its version or deployment. */
function nameOf(id: ObjectId): string {
  return id.kind === 'blob' ? id.path.join('/') : (id.path[0] ?? '')
}

const matchers = new Map<string, (text: string) => boolean>()
function matcher(glob: string): (text: string) => boolean {
  const known = matchers.get(glob)
  if (known) return known
  const made = picomatch(glob, { dot: true })
  matchers.set(glob, made)
  return made
}

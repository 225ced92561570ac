import resourceFacts from '../../facts/azureml-resources.json' with { type: 'json' }
import dataPlane from '../../facts/data-plane-operations.json' with { type: 'json' }
import type { BehaviourRegistry } from '../arm/behaviour-registry.ts'
import { isOfferedAction, isOfferedType } from '../arm/offered.ts'
import { blobOperations } from '../blob/blob-routes.ts'
import { workspacePath } from '../dataplane/data-plane.ts'
import { fileOperations } from '../files/file-routes.ts'
import { answers, type RouteList, templateOf } from './routes.ts'

/** One operation of Azure, and whether this region does it. */
export interface CoveredOperation {
  readonly service: string
  readonly method: string
  /** With `{names}`; of storage: level, restype and comp. */
  readonly path: string
  readonly supported: boolean
}

/**
 * Every operation the facts know and every route there is: supported is what a route or a
 * behaviour answers, nothing is written down by hand.
 */
export function coverageOf(behaviours: BehaviourRegistry, routes: RouteList): CoveredOperation[] {
  const known = [...armOperations(behaviours), ...restOperations(routes)]
  return unique([
    ...known,
    ...furtherRoutes(routes, known),
    ...storageOperations('Blob', dataPlane.blob, blobOperations),
    ...storageOperations('File', dataPlane.file, fileOperations),
  ])
}

// --- Resource manager ----------------------------------------------------------------------------

function armOperations(behaviours: BehaviourRegistry): CoveredOperation[] {
  return resourceFacts.resources.flatMap((facts) => {
    const type = facts.type.split(' ')[0] ?? ''
    const one = (method: string, path: string, supported: boolean): CoveredOperation => ({
      ...{ service: 'Resource manager', method, path, supported },
    })
    const isOffered = isOfferedType(type, behaviours)
    const lists = listPathsOf(facts).map((path) => one('GET', path, isOffered))
    const verbs = facts.verbs.flatMap((verb) => {
      const [, method = '', names] =
        /^([A-Z]+)(?: ([A-Za-z|]+))?/.exec(verb.replace(/ \(.*$/, '')) ?? []
      if (names === undefined) return [one(method, facts.path, isOffered)]
      return names.split('|').map((name) => {
        const supported =
          method === 'POST'
            ? isOfferedAction(type, name, behaviours)
            : isOfferedType(`${type}/${name}`, behaviours)
        return one(method, `${facts.path}/${name}`, supported)
      })
    })
    return [...lists, ...verbs]
  })
}

/** The collection of a resource, and others the facts write out in full. */
const listPathsOf = ({ path, listPath }: { path: string; listPath: string }): string[] => [
  path.replace(/\/\{\w+\}$/, ''),
  ...listPath.split(' | ').filter((other) => other.startsWith('/')),
]

// --- Data plane ----------------------------------------------------------------------------------

const workspaceTemplate = templateOf(workspacePath)

function restOperations(routes: RouteList): CoveredOperation[] {
  return dataPlane.rest.flatMap(({ service, base, operations }) =>
    operations.map((operation) => {
      const [method = '', below = ''] = operation.split(' ')
      const path = `${base.replace('{workspace}', workspaceTemplate)}${below}`
      return { service, method, path, supported: answers(routes, method, path) }
    }),
  )
}

/** Routes the facts have no operation for: they are offered all the same. */
function furtherRoutes(routes: RouteList, known: readonly CoveredOperation[]): CoveredOperation[] {
  const seen = new Set(known.map(({ method, path }) => shapeOf(method, path)))
  return routes
    .filter(
      ({ url, refuses }) =>
        !refuses && url.startsWith('/') && !/^\/(_region|subscriptions\/\*?$)/.test(url),
    )
    .map(({ method, url }) => ({
      ...{ service: serviceOf(url), method, supported: true },
      path: url
        .replace(/::/g, ':')
        .replace(/(?<!s):(\w+)/g, '{$1}')
        .replace('*', '{path}'),
    }))
    .filter(({ method, path }) => method !== 'HEAD' && !seen.has(shapeOf(method, path)))
}

const shapeOf = (method: string, path: string) => `${method} ${path.replace(/\{\w+\}/g, '{}')}`

function serviceOf(url: string): string {
  const base = url.split('/')[1] ?? ''
  const named = dataPlane.rest.find((one) => one.base.split('/')[1] === base && url.includes(base))
  if (named && base !== 'mlflow') return named.service
  if (base === 'mlflow') return url.includes('mlflow-artifacts') ? 'MLflow artifacts' : 'MLflow'
  return (
    {
      subscriptions: 'Resource manager',
      inference: 'Scoring',
      genericasset: 'Generic assets',
      registry: 'Container registry',
    }[base] ?? 'Sign-in and discovery'
  )
}

// --- Storage -------------------------------------------------------------------------------------

type ByLevel = Readonly<Record<'service' | 'container' | 'blob', readonly string[]>>

function storageOperations(service: string, facts: ByLevel, offered: ByLevel): CoveredOperation[] {
  return (['service', 'container', 'blob'] as const).flatMap((level) =>
    [...new Set([...facts[level], ...offered[level]])].map((operation) => {
      const [method = '', ...words] = operation.split(' ')
      const supported = offered[level].includes(operation)
      return { service, method, path: [level, ...words].join(' '), supported }
    }),
  )
}

function unique(operations: readonly CoveredOperation[]): CoveredOperation[] {
  const seen = new Map(
    operations.map((one) => [`${one.service} ${one.method} ${one.path}`, one] as const),
  )
  return [...seen.values()]
}

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AzureError, type RegionContext } from '../context.ts'
import {
  runArtifactContentRoutes,
  runArtifactRoutes,
  serviceArtifactContentRoutes,
  serviceArtifactRoutes,
} from './artifact-routes.ts'
import { type DataPlane, workspacePath } from './data-plane.ts'
import { indexRoutes } from './generic-assets.ts'
import { historyExperimentRoutes } from './history-experiments.ts'
import { historyRunRoutes } from './history-runs.ts'
import { leaveBodies, parseJsonBodies } from './json-body.ts'
import { metricRoutes } from './metric-routes.ts'
import { openMetricStore } from './metric-store.ts'
import { mirrorRun } from './mirror-run.ts'
import { mlflowArtifactListRoutes, mlflowArtifactRoutes } from './mlflow/artifact-routes.ts'
import { mlflowExperimentRoutes } from './mlflow/experiment-routes.ts'
import { mlflowLoggedModelRoutes } from './mlflow/logged-model-routes.ts'
import { openLoggedModels } from './mlflow/logged-model-store.ts'
import { mlflowMetricRoutes } from './mlflow/metric-routes.ts'
import { mlflowAnswer } from './mlflow/mlflow-error.ts'
import { mlflowRegistryRoutes } from './mlflow/registry-routes.ts'
import { mlflowRunRoutes } from './mlflow/run-routes.ts'
import { historyArtifacts, proxiedArtifacts } from './mlflow/run-view.ts'
import { openRunStore } from './run-store.ts'

const mebibyte = 1024 * 1024

/** MLflow, run history v1.0, metrics v2.0 and artifacts of every workspace of a region. */
export function registerDataPlane(app: FastifyInstance, region: RegionContext): void {
  const { db, clock } = region
  const runs = openRunStore({
    db,
    clock,
    written: (...run) => mirrorRun(region.resources, ...run),
  })
  const dp: DataPlane = {
    region,
    runs,
    metrics: openMetricStore({ db, clock, runs }),
    loggedModels: openLoggedModels({ db, clock }),
  }

  const jsonScope = (
    prefix: string,
    bodyLimit: number,
    routes: Array<(scope: FastifyInstance, dp: DataPlane) => void>,
  ) =>
    app.register(
      async (scope) => {
        scope.addHook('onRoute', (route) => {
          route.bodyLimit ??= bodyLimit
        })
        parseJsonBodies(scope)
        for (const register of routes) register(scope, dp)
      },
      { prefix: `${prefix}${workspacePath}` },
    )
  jsonScope('/history/v1.0', 16 * mebibyte, [
    historyRunRoutes,
    historyExperimentRoutes,
    runArtifactRoutes,
  ])
  jsonScope('/artifact/v2.0', 16 * mebibyte, [serviceArtifactRoutes])
  jsonScope('/metric/v2.0', 64 * mebibyte, [metricRoutes])
  jsonScope('/genericasset', mebibyte, [indexRoutes])

  const contentScope = (prefix: string, routes: typeof runArtifactContentRoutes) =>
    app.register(
      async (scope) => {
        leaveBodies(scope)
        routes(scope, dp)
      },
      { prefix: `${prefix}${workspacePath}` },
    )
  contentScope('/history/v1.0', runArtifactContentRoutes)
  contentScope('/artifact/v2.0', serviceArtifactContentRoutes)
  for (const version of ['v1.0', 'v2.0']) registerMlflow(app, dp, version)

  app.register(async (scope) => {
    leaveBodies(scope)
    for (const space of ['history', 'metric', 'mlflow', 'artifact', 'genericasset'])
      scope.all(`/${space}/*`, refuses, refuse)
  })
}

/** Marks a route that only says what is not offered, for `coverage`. */
const refuses = { config: { refuses: true } } as const

/** What this region does not do it says, so that nobody takes an answer for the real one. */
async function refuse(request: FastifyRequest): Promise<never> {
  throw new AzureError(
    501,
    'NotImplemented',
    `This region does not offer ${request.method} ${request.url.split('?')[0]}.`,
  )
}

/** The interface of MLflow's clients and, with the same methods, that of its own pages. */
const mlflowInterfaces = ['api', 'ajax-api']

function registerMlflow(app: FastifyInstance, dp: DataPlane, version: string): void {
  const base = `/mlflow/${version}${workspacePath}`
  // Azure's plugin for MLflow asks at v2.0, plain clients at the v1.0 of the tracking URI.
  const artifactsOf = (workspaceId: string) =>
    version === 'v2.0' ? historyArtifacts(dp.region.origin, workspaceId) : proxiedArtifacts
  const scoped = (prefix: string, register: (scope: FastifyInstance) => void) =>
    app.register(
      async (scope) => {
        scope.setErrorHandler((error, _request, reply) => {
          const { status, headers, body } = mlflowAnswer(error, dp.region.log)
          return reply.code(status).headers(headers).send(body)
        })
        register(scope)
      },
      { prefix },
    )
  for (const name of mlflowInterfaces) {
    scoped(`${base}/${name}/2.0/mlflow`, (scope) => {
      parseJsonBodies(scope)
      mlflowExperimentRoutes(scope, dp)
      mlflowRunRoutes(scope, dp, artifactsOf)
      mlflowMetricRoutes(scope, dp)
      mlflowLoggedModelRoutes(scope, dp)
      mlflowArtifactListRoutes(scope, dp)
      mlflowRegistryRoutes(scope, dp)
      scope.all('/*', refuses, refuse)
    })
    scoped(`${base}/${name}/2.0/mlflow-artifacts`, (scope) => {
      leaveBodies(scope)
      mlflowArtifactRoutes(scope, dp)
      scope.all('/*', refuses, refuse)
    })
  }
  // Newer interfaces (traces, prompts' gateway, GraphQL): refused in the shape MLflow's clients read.
  scoped(base, (scope) => {
    leaveBodies(scope)
    scope.all('/*', refuses, refuse)
  })
}

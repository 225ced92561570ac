import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AzureError, type RegionContext } from '../context.ts'
import { type DataPlane, workspacePath } from './data-plane.ts'
import { historyExperimentRoutes } from './history-experiments.ts'
import { historyRunRoutes } from './history-runs.ts'
import { parseJsonBodies } from './json-body.ts'
import { metricRoutes } from './metric-routes.ts'
import { openMetricStore } from './metric-store.ts'
import { openRunStore } from './run-store.ts'

const mebibyte = 1024 * 1024

/** Run history v1.0 and metrics v2.0 of every workspace of a region. */
export function registerDataPlane(app: FastifyInstance, region: RegionContext): void {
  const { db, clock } = region
  const runs = openRunStore({ db, clock })
  const dp: DataPlane = { region, runs, metrics: openMetricStore({ db, clock, runs }) }

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
  jsonScope('/history/v1.0', 16 * mebibyte, [historyRunRoutes, historyExperimentRoutes])
  jsonScope('/metric/v2.0', 64 * mebibyte, [metricRoutes])

  app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, payload, done) => {
      payload.resume()
      done(null)
    })
    for (const space of ['history', 'metric']) scope.all(`/${space}/*`, refuse)
  })
}

/** What this region does not do it says, so that nobody takes an answer for the real one. */
async function refuse(request: FastifyRequest): Promise<never> {
  throw new AzureError(
    501,
    'NotImplemented',
    `This region does not offer ${request.method} ${request.url.split('?')[0]}.`,
  )
}

import type { FastifyInstance } from 'fastify'
import { asRecord, asText, type Document, isRecord } from '../arm/document.ts'
import { AzureError, type Caller } from '../context.ts'
import { inTransaction } from '../store/database.ts'
import { artifactStore } from './artifact-store.ts'
import { type Asked, asked, type DataPlane, pageSize, requireRun } from './data-plane.ts'
import type { ExperimentRow } from './experiment-store.ts'
import type { Condition } from './keyset.ts'
import { runDetails } from './run-details.ts'
import { requireRunId } from './run-document.ts'
import { parseRunFilter, parseRunOrder } from './run-filter.ts'
import type { RunRow } from './run-rows.ts'

const usualPage = 100
const largestPage = 1000

/** Where runs without an experiment go. */
export const defaultExperiment = 'Default'

/** Runs of run history v1.0, alone and under their experiment by name or id. */
export function historyRunRoutes(scope: FastifyInstance, dp: DataPlane): void {
  const { runs } = dp
  const { experiments } = runs

  /** The experiment a path names; undefined when it names none. */
  function experimentOf({ ws, params }: Asked): ExperimentRow | undefined {
    const row =
      params.experimentName !== undefined
        ? experiments.byName(ws, params.experimentName)
        : params.experimentId !== undefined
          ? experiments.byId(ws, params.experimentId)
          : undefined
    const named = params.experimentName ?? params.experimentId
    if (row === undefined && named !== undefined)
      throw new AzureError(404, 'UserError', `The experiment '${named}' was not found.`)
    return row
  }
  function experimentToWrite(ask: Asked, runId: string, run: Document): ExperimentRow {
    const { ws, params } = ask
    if (params.experimentName !== undefined) return experiments.ensure(ws, params.experimentName)
    const existing = runs.row(ws, runId)
    const given = asText(run.experimentId)
    return (
      experimentOf(ask) ??
      (existing && experiments.byNumber(existing.experiment)) ??
      (given === undefined ? undefined : experiments.byId(ws, given)) ??
      experiments.ensure(ws, defaultExperiment)
    )
  }
  function runOf(ask: Asked): RunRow {
    const row = requireRun(runs, ask.ws, ask.params.runId)
    const experiment = experimentOf(ask)
    if (experiment && experiment.experiment !== row.experiment)
      return requireRun(runs, ask.ws, undefined)
    return row
  }
  const write = (ask: Asked, runId: string, run: Document, actor: Caller) =>
    inTransaction(dp.region.db, () => {
      requireRunId(runId)
      return runs.present(runs.write(experimentToWrite(ask, runId, run), runId, run, actor))
    })

  function page(ask: Asked, question: Document, extra: readonly Condition[] = []) {
    const experiment = experimentOf(ask)
    const scopeOf: Condition = experiment
      ? { sql: 'experiment = ?', params: [experiment.experiment] }
      : { sql: 'ws = ?', params: [ask.ws] }
    const found = runs.query({
      where: [scopeOf, ...extra, parseRunFilter(asText(question.filter) ?? '')],
      order: parseRunOrder(asText(question.orderBy)),
      limit: pageSize(question.top, usualPage, largestPage),
      token: asText(question.continuationToken),
    })
    return {
      value: found.rows.map(runs.present),
      continuationToken: found.token ?? null,
      nextLink: null,
    }
  }

  const changeDoc = (ask: Asked, actor: Caller, change: (doc: Document) => Document) =>
    inTransaction(dp.region.db, () => {
      const row = runOf(ask)
      return runs.present(runs.touch(row, actor, change(row.doc)))
    })

  for (const prefix of ['', '/experiments/:experimentName', '/experimentids/:experimentId']) {
    scope.route({
      method: prefix === '' ? ['POST', 'PATCH'] : ['PATCH'],
      url: `${prefix}/runs/:runId`,
      handler: async (request) => {
        const ask = asked(dp, request)
        return write(ask, ask.params.runId ?? '', ask.body, request.caller)
      },
    })
    scope.get(`${prefix}/runs/:runId`, async (request) => runs.present(runOf(asked(dp, request))))
    scope.get(`${prefix}/runs/:runId/details`, async (request) => {
      const ask = asked(dp, request)
      const row = runOf(ask)
      return runDetails(runs.present(row), artifactStore(dp.region, ask.workspaceId), row)
    })
    scope.get(`${prefix}/runs/:runId/serviceinstances/:nodeIndex`, async (request) => {
      runOf(asked(dp, request))
      // Interactive services of a node (Jupyter, SSH): jobs of a local region offer none.
      return { instances: {} }
    })
    scope.get(`${prefix}/runs/:runId/children`, async (request) => {
      const ask = asked(dp, request)
      const { ws, query } = ask
      const question = {
        filter: query.$filter,
        top: query.$top,
        continuationToken: query.$continuationtoken,
        orderBy: [query.$orderby, query.$sortorder].filter(Boolean).join(' '),
      }
      const parent = { sql: 'ws = ? AND parent = ?', params: [ws, runOf(ask).runId] }
      return page(ask, question, [parent])
    })
    scope.get(`${prefix}/runs/:runId/tags`, async (request) =>
      asRecord(runOf(asked(dp, request)).doc.tags),
    )
    scope.patch(`${prefix}/runs/:runId/tags`, async (request) => {
      const ask = asked(dp, request)
      return changeDoc(ask, request.caller, (doc) => ({
        ...doc,
        tags: without(
          { ...asRecord(doc.tags), ...asRecord(ask.body.tagsToModify) },
          namesIn(ask.body.tagsToDelete),
        ),
      }))
    })
    scope.delete(`${prefix}/runs/:runId/tags`, async (request) =>
      changeDoc(asked(dp, request), request.caller, (doc) => ({
        ...doc,
        tags: without(asRecord(doc.tags), namesIn(request.body)),
      })),
    )
    scope.delete(`${prefix}/runs/:runId/services`, async (request) => {
      const ask = asked(dp, request)
      return changeDoc(ask, request.caller, (doc) => ({
        ...doc,
        services: without(asRecord(doc.services), namesIn(ask.body.servicesToDelete)),
      }))
    })
    scope.post(`${prefix}/runs::query`, async (request) => {
      const ask = asked(dp, request)
      return page(ask, ask.body)
    })
    if (prefix === '') continue
    scope.patch(`${prefix}/batch/runs`, async (request) => {
      const ask = asked(dp, request)
      return batch(ask, request.caller)
    })
    scope.post(`${prefix}/runs/runIds`, async (request) => {
      const ask = asked(dp, request)
      const found = namesIn(ask.body.runIds).map((runId) => [
        runId,
        result(() => runs.present(runOf({ ...ask, params: { ...ask.params, runId } }))),
      ])
      return splitResults(found as Array<[string, Result]>)
    })
  }

  /** Each run for itself, one commit for all: a refused run does not hold up the others. */
  function batch(ask: Asked, actor: Caller) {
    const written = Array.isArray(ask.body.runs) ? ask.body.runs.map(asRecord) : undefined
    if (written === undefined)
      throw new AzureError(400, 'ValidationError', "The list 'runs' is missing.")
    return inTransaction(dp.region.db, () =>
      splitResults(
        written.map((run, i): [string, Result] => {
          const runId = asText(run.runId) ?? ''
          return [runId || `#${i}`, result(() => write(ask, runId, run, actor))]
        }),
      ),
    )
  }

  scope.post('/rundata', async (request) => runData(asked(dp, request)))
  scope.post('/batchrundata', async (request) => {
    const ask = asked(dp, request)
    if (!isRecord(ask.body.requests))
      throw new AzureError(400, 'ValidationError', "The map 'requests' is missing.")
    const results = Object.entries(ask.body.requests).map(([key, body]) => [
      key,
      result(() => runData({ ...ask, body: asRecord(body) })),
    ])
    const { runs: successfulResults, errors: failedResults } = splitResults(
      results as Array<[string, Result]>,
    )
    return { successfulResults, failedResults }
  })

  function runData({ ws, body }: Asked): Document {
    const row = requireRun(runs, ws, asText(body.runId))
    return {
      runMetadata: body.selectRunMetadata === false ? null : runs.present(row),
      runDefinition: body.selectRunDefinition === true ? (row.doc.runDefinition ?? null) : null,
      jobSpecification:
        body.selectJobSpecification === true ? (row.doc.jobSpecification ?? null) : null,
    }
  }
}

type Result = { readonly value: Document } | { readonly error: AzureError }

function result(work: () => Document): Result {
  try {
    return { value: work() }
  } catch (error) {
    if (error instanceof AzureError) return { error }
    throw error
  }
}

function splitResults(results: ReadonlyArray<readonly [string, Result]>) {
  const runs: Array<[string, Document]> = []
  const errors: Array<[string, Document]> = []
  for (const [key, outcome] of results) {
    if ('value' in outcome) runs.push([key, outcome.value])
    else {
      const { code, message, status } = outcome.error
      errors.push([key, { error: { code, message }, statusCode: status }])
    }
  }
  return { runs: Object.fromEntries(runs), errors: Object.fromEntries(errors) }
}

const namesIn = (list: unknown): string[] =>
  Array.isArray(list) ? list.filter((name): name is string => typeof name === 'string') : []

const without = (map: Document, names: readonly string[]): Document =>
  Object.fromEntries(Object.entries(map).filter(([name]) => !names.includes(name)))

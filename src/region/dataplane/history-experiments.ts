import type { FastifyInstance } from 'fastify'
import { asText, type Document, isRecord } from '../arm/document.ts'
import { AzureError } from '../context.ts'
import { asked, type DataPlane, pageSize } from './data-plane.ts'
import { type ExperimentRow, presentExperiment } from './experiment-store.ts'

const known = new Set(['name', 'description', 'tags', 'archive', 'experimentId', '__proto__'])

/** Experiments of run history v1.0. */
export function historyExperimentRoutes(scope: FastifyInstance, dp: DataPlane): void {
  const { experiments } = dp.runs
  const byName = (ws: number, name: string | undefined) =>
    required(name, experiments.byName(ws, name ?? ''))
  const byId = (ws: number, id: string | undefined) => required(id, experiments.byId(ws, id ?? ''))

  const change = (row: ExperimentRow, body: Document) => {
    const rest = Object.fromEntries(Object.entries(body).filter(([field]) => !known.has(field)))
    const archive = typeof body.archive === 'boolean' ? body.archive : undefined
    return presentExperiment(
      experiments.change(row, {
        name: asText(body.name),
        description: asText(body.description),
        tags: isRecord(body.tags) ? body.tags : undefined,
        archive,
        rest,
      }),
    )
  }

  scope.get('/experiments/:experimentName', async (request) => {
    const { ws, params } = asked(dp, request)
    return presentExperiment(byName(ws, params.experimentName))
  })
  scope.post('/experiments/:experimentName', async (request) => {
    const { ws, params, body } = asked(dp, request)
    return change(experiments.ensure(ws, params.experimentName ?? ''), { ...body, name: undefined })
  })
  scope.patch('/experiments/:experimentName', async (request) => {
    const { ws, params, body } = asked(dp, request)
    return change(byName(ws, params.experimentName), body)
  })
  scope.get('/experimentids/:experimentId', async (request) => {
    const { ws, params } = asked(dp, request)
    return presentExperiment(byId(ws, params.experimentId))
  })
  scope.patch('/experimentids/:experimentId', async (request) => {
    const { ws, params, body } = asked(dp, request)
    return change(byId(ws, params.experimentId), body)
  })
  scope.post('/experimentids/:experimentId/tags::delete', async (request) => {
    const { ws, params, body } = asked(dp, request)
    const names = Array.isArray(body.tags) ? body.tags.map(String) : []
    const tags = Object.fromEntries(names.map((name) => [name, null]))
    experiments.change(byId(ws, params.experimentId), { tags })
    return { errors: {} }
  })
  scope.post('/experiments::query', async (request) => {
    const { ws, body } = asked(dp, request)
    const limit = pageSize(body.top, 100, 1000)
    const isShown = viewOf(body.viewType)
    const [newestFirst, matches] = [isNewestFirst(body.orderBy), nameFilter(body.filter)]
    let after = tokenPlace(body.continuationToken)
    const value: ExperimentRow[] = []
    for (;;) {
      const rows = experiments.list(ws, {
        ...(after !== undefined && { after }),
        limit,
        newestFirst,
      })
      for (const row of rows) {
        after = row.experiment
        if (isShown(row) && matches(row)) value.push(row)
        if (value.length === limit) break
      }
      if (rows.length < limit || value.length === limit) break
    }
    const isFull = value.length === limit && after !== undefined
    return {
      value: value.map(presentExperiment),
      continuationToken: isFull ? Buffer.from(`e${after}`).toString('base64url') : null,
      nextLink: null,
    }
  })
}

function viewOf(viewType: unknown): (row: ExperimentRow) => boolean {
  switch (asText(viewType)?.toLowerCase() ?? 'default') {
    case 'all':
      return () => true
    case 'archivedonly':
      return (row) => row.archived !== null
    case 'default':
    case 'activeonly':
      return (row) => row.archived === null
    default:
      throw new AzureError(400, 'ValidationError', `'${String(viewType)}' is no viewType.`)
  }
}

function nameFilter(filter: unknown): (row: ExperimentRow) => boolean {
  const text = asText(filter)?.trim()
  if (!text) return () => true
  const [, name] = /^name\s+eq\s+'?(.*?)'?$/i.exec(text) ?? []
  if (name === undefined)
    throw new AzureError(400, 'ValidationError', `Experiments cannot be filtered by '${text}'.`)
  return (row) => row.name === name.replaceAll("''", "'")
}

function isNewestFirst(orderBy: unknown): boolean {
  const text = asText(orderBy)?.trim().toLowerCase()
  if (!text) return false
  const [, direction = 'asc'] = /^createdutc(?:\s+(asc|desc))?$/.exec(text) ?? []
  if (!text.startsWith('createdutc'))
    throw new AzureError(400, 'ValidationError', `Experiments cannot be ordered by '${text}'.`)
  return direction === 'desc'
}

function tokenPlace(token: unknown): number | undefined {
  const text = asText(token)
  if (!text) return undefined
  const [, digits] = /^e(\d{1,15})$/.exec(Buffer.from(text, 'base64url').toString('utf8')) ?? []
  if (digits === undefined)
    throw new AzureError(400, 'ValidationError', 'The continuation token is not one of this query.')
  return Number(digits)
}

function required(name: string | undefined, row: ExperimentRow | undefined): ExperimentRow {
  if (row) return row
  throw new AzureError(404, 'UserError', `The experiment '${name ?? ''}' was not found.`)
}

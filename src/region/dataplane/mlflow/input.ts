import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { asRecord, asText, type Document } from '../../arm/document.ts'
import type { Caller } from '../../context.ts'
import { asked, type DataPlane } from '../data-plane.ts'
import { invalid } from './mlflow-error.ts'

/** A call of MLflow's REST API: its fields come in the query of a GET and the body of all others. */
export interface MlflowCall {
  readonly workspaceId: string
  readonly ws: number
  readonly input: Document
  readonly caller: Caller
}

export function mlflowCall(dp: DataPlane, request: FastifyRequest): MlflowCall {
  const { workspaceId, ws, body } = asked(dp, request)
  const input = { ...asRecord(request.query), ...body }
  checkTypes(body)
  return { workspaceId, ws, input, caller: request.caller }
}

const texts = ['run_id', 'run_uuid', 'key', 'name', 'new_name', 'artifact_location', 'metric_key']
const lists = ['tags', 'metrics', 'params']

/** MLflow's own check: before anything is looked up, and in its words, which clients show. */
function checkTypes(input: Document): void {
  const wrong = (field: string) =>
    invalid(`Invalid value ${JSON.stringify(input[field])} for parameter '${field}' supplied.`)
  const isGiven = (field: string) => input[field] !== undefined && input[field] !== null
  for (const field of texts)
    if (isGiven(field) && typeof input[field] !== 'string') throw wrong(field)
  for (const field of lists) if (isGiven(field) && !Array.isArray(input[field])) throw wrong(field)
}

export function required(input: Document, ...fields: string[]): string {
  for (const field of fields) {
    const value = input[field]
    if (typeof value === 'number') return String(value)
    if (typeof value === 'string' && value !== '') return value
  }
  throw lacking(fields[0] ?? '')
}
export const lacking = (field: string) =>
  invalid(`Missing value for required parameter '${field}'.`)

/** The value of a tag or parameter: text, empty when it is left out. */
export function textValue(input: Document): string {
  const { value } = input
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  throw invalid(`Invalid value ${JSON.stringify(value)} for parameter 'value' supplied.`)
}

export const optional = (input: Document, field: string): string | undefined =>
  asText(input[field]) || undefined

export function listOf(input: Document, field: string): string[] {
  const value = input[field]
  if (value === undefined || value === null || value === '') return []
  return (Array.isArray(value) ? value : [value]).map(String)
}

export function wholeNumber(input: Document, field: string): number | undefined {
  const value = input[field]
  if (value === undefined || value === null || value === '') return undefined
  const number = Number(value)
  if (Number.isSafeInteger(number)) return number
  throw invalid(`Invalid value ${JSON.stringify(value)} for parameter '${field}' supplied.`)
}

export function maxResults(input: Document, usual: number, largest: number): number {
  const size = wholeNumber(input, 'max_results') ?? usual
  if (size >= 1 && size <= largest) return size
  throw invalid(
    `Invalid value ${size} for parameter 'max_results' supplied. It must be in 1..${largest}.`,
  )
}

/** A page of a list in memory. The token names the last item, so that inserts do not shift it. */
export function pageOf<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
  page: { readonly size: number; readonly token: string | undefined },
): { items: T[]; next_page_token?: string } {
  const start = page.token === undefined ? 0 : placeAfter(items, nameOf, page.token)
  const shown = items.slice(start, start + page.size)
  const last = shown.at(-1)
  if (last === undefined || start + shown.length >= items.length) return { items: shown }
  const token = JSON.stringify([start + shown.length, hash(nameOf(last))])
  return { items: shown, next_page_token: Buffer.from(token).toString('base64url') }
}

function placeAfter<T>(items: readonly T[], nameOf: (item: T) => string, token: string): number {
  const [, digits, name] =
    /^\[(\d{1,9}),"([\w-]+)"\]$/.exec(Buffer.from(token, 'base64url').toString('utf8')) ?? []
  if (digits === undefined) throw invalid('Invalid page token.')
  const at = items.findIndex((item) => hash(nameOf(item)) === name)
  return at >= 0 ? at + 1 : Number(digits)
}
const hash = (text: string) => createHash('sha256').update(text).digest('base64url').slice(0, 16)

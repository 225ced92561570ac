import { AzureError } from '../context.ts'
import { all, type Condition, type OrderTerm } from './keyset.ts'
import { orderTerms, type RunField, runField } from './run-fields.ts'
import { byCreation } from './run-store.ts'

/*
 * filter     = conjunction ("or" conjunction)*
 * conjunction = term ("and" term)*
 * term       = "not" term | "(" filter ")" | field operator literal | field "in" "(" literal, … ")"
 * literal    = 'text' (a quote is doubled) | "text" | bare word | null
 */
const operators = new Map([
  ['eq', '='],
  ['ne', '<>'],
  ['gt', '>'],
  ['ge', '>='],
  ['lt', '<'],
  ['le', '<='],
])
const tokenPattern = /\s*(?:([(),])|'((?:[^']|'')*)'|"((?:[^"]|"")*)"|([^\s(),'"]+))/y

interface Token {
  readonly kind: 'mark' | 'text' | 'word'
  readonly text: string
}

/** The filter of run history as a WHERE condition on `dp_runs`. */
export function parseRunFilter(filter: string): Condition {
  const tokens = tokensOf(filter)
  let at = 0
  const peek = () => tokens[at]
  const take = () => {
    const token = tokens[at]
    if (token === undefined) throw invalid(filter, 'it ends too early')
    at += 1
    return token
  }
  const isWord = (word: string) =>
    peek()?.kind === 'word' && peek()?.text.toLowerCase() === word && at < tokens.length
  const isMark = (mark: string) => peek()?.kind === 'mark' && peek()?.text === mark
  const expectMark = (mark: string) => {
    if (!isMark(mark)) throw invalid(filter, `'${mark}' is missing`)
    at += 1
  }
  const joined = (word: string, part: () => Condition): Condition => {
    const parts = [part()]
    while (isWord(word)) {
      at += 1
      parts.push(part())
    }
    const [only] = parts
    if (parts.length === 1 && only) return only
    return {
      sql: parts.map(({ sql }) => `(${sql})`).join(` ${word.toUpperCase()} `),
      params: parts.flatMap(({ params }) => params),
    }
  }
  const any = (): Condition => joined('or', () => joined('and', term))

  function term(): Condition {
    if (isWord('not')) {
      at += 1
      const inner = term()
      return { sql: `NOT (${inner.sql})`, params: inner.params }
    }
    if (isMark('(')) {
      at += 1
      const inner = any()
      expectMark(')')
      return inner
    }
    const name = take()
    if (name.kind === 'mark') throw invalid(filter, `'${name.text}' stands where a field belongs`)
    return comparison(runField(name.text), take().text.toLowerCase())
  }

  function comparison(field: RunField, operator: string): Condition {
    if (operator === 'in') return isOneOf(field)
    const sign = operators.get(operator)
    if (sign === undefined) throw invalid(filter, `'${operator}' is no operator`)
    const literal = take()
    if (literal.kind === 'mark') throw invalid(filter, 'a value is missing')
    if (literal.kind === 'word' && literal.text.toLowerCase() === 'null') {
      if (sign !== '=' && sign !== '<>') throw invalid(filter, 'null has no order')
      return { sql: `${field.sql} IS ${sign === '=' ? '' : 'NOT '}NULL`, params: field.params }
    }
    const params = [...field.params, field.value(literal.text)]
    // What has no value differs from every value, as the services of Azure have it.
    if (sign === '<>' && field.nullable) return { sql: `${field.sql} IS NOT ?`, params }
    return { sql: `${field.sql} ${sign} ?`, params }
  }

  function isOneOf(field: RunField): Condition {
    const values: string[] = []
    expectMark('(')
    do values.push(take().text)
    while (isMark(',') && take())
    expectMark(')')
    const marks = values.map(() => '?').join(', ')
    return {
      sql: `${field.sql} IN (${marks})`,
      params: [...field.params, ...values.map(field.value)],
    }
  }

  const condition = tokens.length === 0 ? all([]) : any()
  if (at < tokens.length) throw invalid(filter, `'${peek()?.text}' is not expected`)
  return condition
}

/** `lastModifiedUtc desc, runId`: creation order decides between equals. Default: the newest first. */
export function parseRunOrder(orderBy: string | undefined): OrderTerm[] {
  if (!orderBy?.trim()) return [byCreation(true)]
  let isDescending = false
  const terms = orderBy.split(',').flatMap((part) => {
    const [, name = '', direction = 'asc'] = /^(\S+)(?:\s+(asc|desc))?$/i.exec(part.trim()) ?? []
    if (name === '')
      throw new AzureError(400, 'ValidationError', `'${part.trim()}' is no order of runs.`)
    isDescending = direction.toLowerCase() === 'desc'
    return orderTerms(runField(name), isDescending)
  })
  return [...terms, byCreation(isDescending)]
}

function tokensOf(filter: string): Token[] {
  const tokens: Token[] = []
  tokenPattern.lastIndex = 0
  const end = filter.trimEnd().length
  while (tokenPattern.lastIndex < end) {
    const match = tokenPattern.exec(filter)
    if (match === null) throw invalid(filter, 'a quote is not closed')
    const [, mark, single, double, word] = match
    if (mark !== undefined) tokens.push({ kind: 'mark', text: mark })
    else if (single !== undefined) tokens.push({ kind: 'text', text: single.replaceAll("''", "'") })
    else if (double !== undefined) tokens.push({ kind: 'text', text: double.replaceAll('""', '"') })
    else tokens.push({ kind: 'word', text: word ?? '' })
  }
  return tokens
}

const invalid = (filter: string, why: string) =>
  new AzureError(400, 'ValidationError', `The filter '${filter}' cannot be read: ${why}.`)

import { templateError } from './template-error.ts'

/**
 * The expression language of ARM templates: `[concat(parameters('name'), '-x')]`.
 *
 *   expression = (string | integer | call) { '.' name | '[' expression ']' }
 *   call       = name { '.' name } '(' [ expression { ',' expression } ] ')'
 */
export type Expression =
  | { readonly kind: 'value'; readonly value: string | number }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: 'property'; readonly of: Expression; readonly key: Expression }

/** Whether a text of a template is an expression; `[[` stands for a literal bracket. */
export const isExpression = (text: string): boolean => /^\[(?!\[)[\s\S]*\]$/.test(text)

/** What a text that is no expression says. */
export const literalText = (text: string): string => (text.startsWith('[[') ? text.slice(1) : text)

export function parseExpression(text: string): Expression {
  const tokens = tokenize(text.slice(1, -1), text)
  let at = 0
  const peek = () => tokens[at]
  const take = (expected?: string): string => {
    const token = tokens[at++]
    if (token === undefined || (expected !== undefined && token !== expected))
      throw invalid(text, `'${expected ?? 'a value'}' is missing`)
    return token
  }

  function expression(): Expression {
    let result = primary()
    for (;;) {
      if (peek() === '.') {
        take()
        result = { kind: 'property', of: result, key: { kind: 'value', value: take() } }
      } else if (peek() === '[') {
        take()
        result = { kind: 'property', of: result, key: expression() }
        take(']')
      } else return result
    }
  }

  function primary(): Expression {
    const token = take()
    if (token.startsWith("'"))
      return { kind: 'value', value: token.slice(1, -1).replaceAll("''", "'") }
    if (/^-?\d/.test(token)) return { kind: 'value', value: Number(token) }
    let name = token
    while (peek() === '.') name += take() + take()
    take('(')
    return { kind: 'call', name: name.toLowerCase(), args: args() }
  }

  function args(): Expression[] {
    const found: Expression[] = []
    if (peek() !== ')') found.push(expression())
    while (peek() === ',') {
      take()
      found.push(expression())
    }
    take(')')
    return found
  }

  const result = expression()
  if (at < tokens.length) throw invalid(text, `'${peek()}' is not expected`)
  return result
}

function tokenize(source: string, text: string): string[] {
  const tokens: string[] = []
  const token = /\s*('(?:[^']|'')*'|-?\d+|[A-Za-z_$][\w$]*|[().,[\]])\s*/y
  while (token.lastIndex < source.length) {
    const start = token.lastIndex
    const found = token.exec(source)?.[1]
    if (found === undefined) throw invalid(text, `'${source.slice(start, start + 20)}' is unknown`)
    tokens.push(found)
  }
  return tokens
}

const invalid = (text: string, why: string) =>
  templateError(`The template language expression '${text.slice(0, 200)}' is not valid: ${why}.`)

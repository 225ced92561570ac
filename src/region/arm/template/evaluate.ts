import { isRecord } from '../document.ts'
import { type Expression, isExpression, literalText, parseExpression } from './expression.ts'
import { isTrue, pureFunctions } from './functions.ts'
import { templateError } from './template-error.ts'

/** What an expression can ask of the deployment around it. */
export interface Scope {
  parameter(name: string): unknown
  variable(name: string): unknown
  /** `reference(...)`: the resource's document as it stands; throws `NotYetDeployed`. */
  reference(nameOrId: string, full: boolean): unknown
  /** Functions with context, by lower-case name: `resourceid`, `subscription`, `copyindex`… */
  readonly functions: Readonly<Record<string, (args: readonly unknown[]) => unknown>>
}

/** A value of a template with every expression in it replaced by what it says. */
export function evaluate(value: unknown, scope: Scope): unknown {
  if (typeof value === 'string')
    return isExpression(value) ? run(parseExpression(value), scope) : literalText(value)
  if (Array.isArray(value)) return value.map((one) => evaluate(one, scope))
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      isExpression(key) ? String(evaluate(key, scope)) : key,
      evaluate(one, scope),
    ]),
  )
}

function run(expression: Expression, scope: Scope): unknown {
  switch (expression.kind) {
    case 'value':
      return expression.value
    case 'property':
      return propertyOf(run(expression.of, scope), run(expression.key, scope))
    case 'call':
      return call(expression.name, expression.args, scope)
  }
}

function propertyOf(value: unknown, key: unknown): unknown {
  if (Array.isArray(value) || typeof value === 'string') return value[Number(key)]
  const wanted = String(key).toLowerCase()
  const found = isRecord(value)
    ? Object.entries(value).find(([name]) => name.toLowerCase() === wanted)
    : undefined
  if (found === undefined)
    throw templateError(`the language expression property '${String(key)}' doesn't exist.`)
  return found[1]
}

/** The branches that are not taken are not evaluated: they may name what does not exist. */
function call(name: string, args: readonly Expression[], scope: Scope): unknown {
  const at = (index: number): unknown => {
    const arg = args[index]
    return arg === undefined ? undefined : run(arg, scope)
  }
  switch (name) {
    case 'if':
      return isTrue(at(0)) ? at(1) : at(2)
    case 'and':
      return args.every((arg) => isTrue(run(arg, scope)))
    case 'or':
      return args.some((arg) => isTrue(run(arg, scope)))
    case 'parameters':
      return scope.parameter(String(at(0)))
    case 'variables':
      return scope.variable(String(at(0)))
    case 'reference':
      return scope.reference(String(at(0)), String(at(2)).toLowerCase() === 'full')
  }
  const known = scope.functions[name] ?? pureFunctions[name]
  if (!known) throw templateError(`the local region does not know the template function '${name}'.`)
  return known(args.map((arg) => run(arg, scope)))
}

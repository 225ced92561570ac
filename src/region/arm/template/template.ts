import { randomUUID } from 'node:crypto'
import { asRecord, asText, type Document, isRecord } from '../document.ts'
import type { DeploymentPlace } from './deployment-place.ts'
import { evaluate, type Scope } from './evaluate.ts'
import { isTrue } from './functions.ts'
import { deploymentFunctions } from './scope-functions.ts'
import { templateError } from './template-error.ts'

/** Finds the document of a resource as it stands now; undefined while it is not there. */
export type Lookup = (id: string) => Document | undefined

export interface PlannedResource {
  readonly id: string
  readonly type: string
  readonly name: string
  /** What must be there before, in lower case: ids, or names within the template. */
  readonly dependsOn: readonly string[]
  /** Throws `NotYetDeployed` while it refers to a resource that is not there. */
  body(lookup: Lookup): Document
}

export interface TemplatePlan {
  readonly resources: readonly PlannedResource[]
  outputs(lookup: Lookup): Document
}

/** Thrown while a body refers to a resource that does not exist (yet). */
export class NotYetDeployed extends Error {
  readonly id: string
  constructor(id: string) {
    super(`The resource '${id}' is not defined in the template and does not exist.`)
    this.id = id
  }
}

/**
 * The values of a template's parameters, defaults included. They are resolved once, when the
 * deployment is accepted: `newGuid()` must not say something else after a restart.
 */
export function resolveParameters(
  template: Document,
  given: Document,
  place: DeploymentPlace,
): Document {
  const declared = asRecord(template.parameters)
  for (const name of Object.keys(given))
    if (findKey(declared, name) === undefined)
      throw templateError(
        `the template parameters '${name}' are not valid; they are not present in the original template.`,
      )
  const values: Document = {}
  const scope = scopeOf(template, values, place, () => undefined)
  const withDefaults = {
    ...scope,
    functions: {
      ...scope.functions,
      newguid: () => randomUUID(),
      utcnow: () => place.now.toISOString(),
    },
    parameter: (name: string) => parameterValue(findKey(declared, name) ?? name),
  }
  function parameterValue(name: string): unknown {
    if (Object.hasOwn(values, name)) return values[name]
    const declaration = asRecord(declared[name])
    // A value of null is none: clients send every parameter, and Azure then takes the default.
    const key = findKey(given, name)
    const value = key === undefined ? undefined : asRecord(given[key]).value
    const isGiven = value !== undefined && value !== null
    if (!isGiven && !Object.hasOwn(declaration, 'defaultValue'))
      throw templateError(`the value for the template parameter '${name}' is not provided.`)
    const resolved = isGiven ? value : evaluate(declaration.defaultValue, withDefaults)
    requireAllowed(name, resolved, declaration)
    values[name] = resolved
    return resolved
  }
  for (const name of Object.keys(declared)) parameterValue(name)
  return values
}

function requireAllowed(name: string, value: unknown, declaration: Document): void {
  const { allowedValues } = declaration
  if (Array.isArray(allowedValues) && !allowedValues.includes(value))
    throw templateError(
      `the provided value for the template parameter '${name}' is not valid. The value '${String(value)}' is not part of the allowed value(s): '${allowedValues.join(',')}'.`,
    )
}

/** What a template creates, in its own order. Nothing is written. */
export function planTemplate(
  template: Document,
  parameters: Document,
  place: DeploymentPlace,
): TemplatePlan {
  const scopeFor = (lookup: Lookup) => scopeOf(template, parameters, place, lookup)
  const declared = Array.isArray(template.resources)
    ? template.resources.map(asRecord)
    : Object.values(asRecord(template.resources)).map(asRecord)
  const resources = declared.flatMap((resource) => planned(resource, undefined))
  return {
    resources,
    outputs: (lookup) =>
      Object.fromEntries(
        Object.entries(asRecord(template.outputs)).map(([name, output]) => {
          const { type, value } = asRecord(output)
          return [name, { type, value: evaluate(value, scopeFor(lookup)) }]
        }),
      ),
  }

  function planned(
    resource: Document,
    parent: { type: string; name: string } | undefined,
  ): PlannedResource[] {
    const { copy, ...single } = resource
    if (!isRecord(copy)) return one(single, parent, undefined)
    const count = Number(
      evaluate(
        copy.count,
        scopeFor(() => undefined),
      ),
    )
    return Array.from({ length: count }, (_, index) => one(single, parent, index)).flat()
  }

  function one(
    resource: Document,
    parent: { type: string; name: string } | undefined,
    index: number | undefined,
  ): PlannedResource[] {
    const scopeAt = (lookup: Lookup) => withCopyIndex(scopeFor(lookup), index)
    const scope = scopeAt(() => undefined)
    if (!isTrue(evaluate(resource.condition ?? true, scope))) return []
    const declaredType = String(resource.type)
    const declaredName = String(evaluate(resource.name, scope))
    const type = parent ? `${parent.type}/${declaredType}` : declaredType
    const name = parent ? `${parent.name}/${declaredName}` : declaredName
    const dependsOn = asList(evaluate(resource.dependsOn ?? [], scope)).map((on) =>
      String(on).toLowerCase(),
    )
    const self: PlannedResource = {
      id: resourceIdOf(resource, type, name, scope, place),
      type,
      name,
      dependsOn: parent ? [...dependsOn, parent.name.toLowerCase()] : dependsOn,
      body: (lookup) => bodyOf(resource, type, scopeAt(lookup)),
    }
    const children = asList(resource.resources).map(asRecord)
    return [self, ...children.flatMap((child) => planned(child, { type, name }))]
  }
}

const notInBody = new Set([
  'type',
  'name',
  'apiVersion',
  'dependsOn',
  'condition',
  'copy',
  'resources',
  'comments',
  'scope',
  'subscriptionId',
  'resourceGroup',
])

function bodyOf(resource: Document, type: string, scope: Scope): Document {
  const body: Document = {}
  for (const [key, value] of Object.entries(resource)) {
    if (notInBody.has(key)) continue
    body[key] =
      key === 'properties' && type.toLowerCase() === 'microsoft.resources/deployments'
        ? nestedProperties(asRecord(value), scope)
        : evaluate(expandCopies(value, scope), scope)
  }
  return body
}

/** A nested template speaks for itself only where it says so; by default its expressions are the parent's. */
function nestedProperties(properties: Document, scope: Scope): Document {
  const evaluated = asText(asRecord(properties.expressionEvaluationOptions).scope)?.toLowerCase()
  if (evaluated !== 'inner') return evaluate(properties, scope) as Document
  const { template, ...rest } = properties
  return { ...(evaluate(rest, scope) as Document), template }
}

/** `copy: [{name, count, input}]` in an object makes arrays of its fields. */
function expandCopies(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) return value.map((one) => expandCopies(one, scope))
  if (!isRecord(value)) return value
  const { copy, ...rest } = value
  const result: Document = {}
  for (const [key, one] of Object.entries(rest)) result[key] = expandCopies(one, scope)
  if (!Array.isArray(copy))
    return copy === undefined ? result : { ...result, copy: expandCopies(copy, scope) }
  for (const { name, count, input } of copy.map(asRecord)) {
    const length = Number(evaluate(count, scope))
    result[String(name)] = Array.from({ length }, (_, index) =>
      evaluate(input, withCopyIndex(scope, index)),
    )
  }
  return result
}

function withCopyIndex(scope: Scope, index: number | undefined): Scope {
  if (index === undefined) return scope
  const copyindex = (args: readonly unknown[]) =>
    index + Number(args.findLast((arg) => typeof arg === 'number') ?? 0)
  return { ...scope, functions: { ...scope.functions, copyindex } }
}

function scopeOf(
  template: Document,
  parameters: Document,
  place: DeploymentPlace,
  lookup: Lookup,
): Scope {
  const variables = asRecord(template.variables)
  const declared = Array.isArray(template.resources) ? template.resources.map(asRecord) : []
  const scope: Scope = {
    parameter(name) {
      const key = findKey(parameters, name)
      if (key === undefined) throw templateError(`the template parameter '${name}' is not found.`)
      return parameters[key]
    },
    variable(name) {
      const key = findKey(variables, name)
      if (key === undefined) throw templateError(`the template variable '${name}' is not found.`)
      return evaluate(expandCopies(variables[key], scope), scope)
    },
    reference(nameOrId, full) {
      const id = nameOrId.startsWith('/') ? nameOrId : idOfName(nameOrId)
      const document = lookup(id)
      if (document === undefined) throw new NotYetDeployed(id)
      return full ? document : asRecord(document.properties)
    },
    functions: deploymentFunctions(place),
  }
  function idOfName(name: string): string {
    const resource = declared.find((one) => evaluate(one.name, scope) === name)
    if (!resource) throw new NotYetDeployed(name)
    return resourceIdOf(resource, String(resource.type), name, scope, place)
  }
  return scope
}

/** `type` and `name` alternate: `a/b` and `x/y` are `/a/x/b/y`; a `scope` goes before. */
function resourceIdOf(
  resource: Document,
  type: string,
  name: string,
  scope: Scope,
  place: DeploymentPlace,
): string {
  const text = (value: unknown) => asText(evaluate(value, scope))
  const [namespace = '', ...types] = type.split('/')
  const names = name.split('/')
  if (types.length !== names.length)
    throw templateError(
      `the template resource '${name}' of type '${type}' has incorrect segment lengths: a name needs as many segments as its type, less one.`,
    )
  const subscription = text(resource.subscriptionId) ?? place.subscriptionId
  const group = text(resource.resourceGroup) ?? place.resourceGroup
  const home = `/subscriptions/${subscription}${group === undefined ? '' : `/resourceGroups/${group}`}`
  const over = text(resource.scope)
  const base = over === undefined ? home : over.startsWith('/') ? over : `${home}/providers/${over}`
  return `${base}/providers/${namespace}/${types.map((one, index) => `${one}/${names[index]}`).join('/')}`
}

function findKey(record: Document, name: string): string | undefined {
  const wanted = name.toLowerCase()
  return Object.keys(record).find((key) => key.toLowerCase() === wanted)
}

const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

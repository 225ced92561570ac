import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import { jsonSchemaTransform } from 'fastify-type-provider-zod'
import { problem } from '../../api/contract.ts'
import { publicRoutes } from '../../api/permissions.ts'

type Transform = NonNullable<FastifyDynamicSwaggerOptions['transform']>

const anyRefusal = {
  description: 'A problem document (RFC 9457)',
  content: { 'application/problem+json': { schema: problem } },
}

/** Under which heading a reader finds an operation; the first that fits. */
const headings: readonly (readonly [RegExp, string])[] = [
  [/\/(sign-in-ways|session|console-link|tokens)\b/, 'Sign-in and tokens'],
  [/\/operations\b|\/history$/, 'Operations'],
  [/:group\/(sync|verify|drill|failover|switchover|failback|reprotect)$/, 'Operations'],
  [/:group\/(views|pause|resume|acknowledge|decisions)$/, 'Decisions'],
  [/:group\/(plan|objects|conflicts|drift|runs|jobs)\b/, 'Replication'],
  [/\/(audit|notify)\b/, 'Audit and notifications'],
]

function headingOf(url: string): string {
  return headings.find(([pattern]) => pattern.test(url))?.[1] ?? 'Status'
}

/** What holds for every operation: how it refuses, and who may call without a token. */
const describeRoute: Transform = (document) => {
  const { schema, route, url } = document
  if (!schema || schema.hide) return jsonSchemaTransform(document)
  const response = { ...(schema.response as object | undefined), default: anyRefusal }
  const isOpen = [route.method].flat().every((method) => publicRoutes.has(`${method} ${url}`))
  return jsonSchemaTransform({
    ...document,
    schema: { ...schema, response, tags: [headingOf(url)], ...(isOpen ? { security: [] } : {}) },
  })
}

export function openApiOptions(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Holdfast', version },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: describeRoute,
    transformObject: (document) =>
      'openapiObject' in document
        ? (withPlainTuples(document.openapiObject) as typeof document.openapiObject)
        : document.swaggerObject,
  }
}

/** Pairs of numbers as lists of two numbers: few tools know `prefixItems`. */
function withPlainTuples(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withPlainTuples)
  if (typeof value !== 'object' || value === null) return value
  const { prefixItems, items, ...rest } = value as { prefixItems?: unknown; items?: unknown }
  const walked = Object.fromEntries(
    Object.entries(rest).map(([key, part]) => [key, withPlainTuples(part)]),
  )
  if (Array.isArray(prefixItems)) return { ...walked, items: { anyOf: prefixItems } }
  return items === undefined ? walked : { ...walked, items: withPlainTuples(items) }
}

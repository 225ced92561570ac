import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { HoldfastError } from '../../model/errors.ts'

/** Refuses what no route answers: 405 with `Allow` where only the method is wrong (RFC 9110). */
export function refuseUnknown(app: FastifyInstance): void {
  const routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    if (!url.includes('*')) routes.push({ pattern: patternOf(url), methods: [method].flat() })
  })
  const refuse = (request: FastifyRequest, reply: FastifyReply): never => {
    const path = request.url.replace(/\?.*$/s, '')
    const methods = routes.flatMap((route) => (route.pattern.test(path) ? route.methods : []))
    if (methods.length > 0) refuseMethod(request, reply, methods)
    throw new HoldfastError('request.not-found', `There is no ${request.method} ${request.url}.`, {
      hint: 'Compare it with /openapi.json.',
    })
  }
  // Before the body is read: what is wrong with that is of no interest.
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) refuse(request, reply)
  })
  // For files that the console has not.
  app.setNotFoundHandler(refuse)
}

function refuseMethod(request: FastifyRequest, reply: FastifyReply, methods: string[]): never {
  const allowed = [...new Set(methods)].join(', ')
  reply.header('allow', allowed)
  throw new HoldfastError('request.wrong-method', `${request.url} takes no ${request.method}.`, {
    hint: `It takes ${allowed}.`,
  })
}

function patternOf(url: string): RegExp {
  const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(
    `^${url
      .split(/(:\w+)/)
      .map((part) => (part.startsWith(':') ? '[^/]+' : literal(part)))
      .join('')}$`,
  )
}

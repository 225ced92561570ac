import { setMaxListeners } from 'node:events'
import { existsSync } from 'node:fs'
import fastifyStatic from '@fastify/static'
import fastifySwagger from '@fastify/swagger'
import fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import type { AuditLog } from '../../evidence/audit-log.ts'
import { HoldfastError } from '../../model/errors.ts'
import type { ConsoleSessions } from '../access/console-sessions.ts'
import type { RoleRule } from '../access/role-rules.ts'
import type { SignIn } from '../access/sign-in.ts'
import type { ControllerService } from '../service.ts'
import { auditRequests } from './audit-requests.ts'
import type { Bearer } from './authenticate.ts'
import { cookie } from './cookies.ts'
import { registerDocs } from './docs.ts'
import { tagAnswers } from './etags.ts'
import { guard } from './guard.ts'
import { refuseUnknown } from './methods.ts'
import { type Metrics, registerMetrics } from './metrics.ts'
import { oneTimeLinks } from './one-time-links.ts'
import { openApiOptions } from './openapi.ts'
import { problemOf, rawRefusal } from './problems.ts'
import { type ListenAddress, publicAddress } from './public-address.ts'
import { rateLimits, usualLimits } from './rate-limits.ts'
import { registerRoutes } from './routes.ts'
import { registerSignIn } from './sign-in-routes.ts'
import { traceRequests } from './trace-requests.ts'

export interface ServerOptions {
  readonly service: ControllerService
  /** Names of the failover groups it serves. */
  readonly groups: readonly string[]
  readonly audit: Pick<AuditLog, 'append'>
  readonly bearers: readonly Bearer[]
  readonly sessions: ConsoleSessions
  /** What people are who signed in with the identity provider; absent: there is none. */
  readonly signIn?: { readonly with: SignIn; readonly rules: readonly RoleRule[] }
  readonly listen: ListenAddress
  /** Address before which something else speaks TLS. */
  readonly publicUrl?: string
  /** Calls in a minute, where they are not the usual ones. */
  readonly limits?: Partial<typeof usualLimits>
  readonly version: string
  readonly clock: () => Date
  readonly log: FastifyBaseLogger
  readonly metrics: Metrics
  /** Folder of the built console; a page that says how to build it is served when it is absent. */
  readonly consoleDir: string
}

export interface RunningServer {
  readonly url: string
  /** A link that signs a browser in, once. */
  consoleLink(): string
  close(): Promise<void>
}

/** Throws `address.in-use`, `address.unavailable` or `listen.unprotected` (operator). */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const shutdown = new AbortController()
  // Each open stream of events listens to it.
  setMaxListeners(0, shutdown.signal)
  const { host, port } = options.listen
  const address = publicAddress(options.listen, options.publicUrl)
  const { isSecure, isOwnOrigin } = address
  const links = oneTimeLinks(options.clock)
  let url = ''
  const origin = () => address.origin(url)
  const consoleLink = () => `${origin()}/?token=${links.issue()}`
  const app: FastifyInstance = fastify({
    loggerInstance: options.log,
    // The console polls once a second in the worst case; a line for each call hides what matters.
    logController: new fastify.LogController({ disableRequestLogging: true }),
    forceCloseConnections: true,
    bodyLimit: 64 * 1024,
    clientErrorHandler: (error, socket) => {
      if (socket.writable && error.code !== 'ECONNRESET') socket.write(rawRefusal(error.code))
      socket.destroySoon()
    },
    // A proxy that speaks TLS on this machine tells who called it.
    trustProxy: isSecure ? 'loopback' : false,
    // An object's id holds the names of all it lies in.
    routerOptions: { maxParamLength: 2048 },
  })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler((error, _request, reply) => {
    const problem = problemOf(error)
    if (problem.status >= 500) options.log.error({ err: error, code: problem.code }, 'call failed')
    const { retryAfterMs } = error as { retryAfterMs?: number }
    if (problem.status === 401) reply.header('www-authenticate', 'Bearer')
    if (retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(retryAfterMs / 1000))
    return reply
      .code(problem.status)
      .type('application/problem+json; charset=utf-8')
      .serializer(JSON.stringify)
      .send(problem)
  })
  const limits = await rateLimits(app, { ...usualLimits, ...options.limits })
  const authentication = {
    ...{ bearers: options.bearers, sessions: options.sessions, isOwnOrigin },
    cookie: cookie('holdfast-session', { isSecure, sameSite: 'Strict' }),
    rules: options.signIn?.rules ?? [],
  }
  const access = {
    served: options.groups,
    ofOperation: async (id: string) => (await options.service.operation(id)).group,
  }
  const { audit, groups } = options
  guard(app, { authentication, links, address, access, limits, audit, groups })
  await app.register(fastifySwagger, openApiOptions(options.version))
  refuseUnknown(app)
  tagAnswers(app)
  auditRequests(app, options)
  traceRequests(app)
  registerRoutes(app, {
    service: options.service,
    issueLink: consoleLink,
    shutdown: shutdown.signal,
  })
  registerSignIn(app, {
    ...{ authentication, limits, origin, audit, groups },
    ...{ log: options.log, signIn: options.signIn?.with },
    cookie: cookie('holdfast-sign-in', { isSecure, sameSite: 'Lax' }),
  })
  registerHealth(app, options.service)
  registerMetrics(app, options.metrics)
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  await registerDocs(app)
  await registerConsole(app, options.consoleDir)
  await app.listen({ host, port }).catch(async (cause: NodeJS.ErrnoException) => {
    await app.close()
    throw cannotListen(options.listen, cause)
  })
  url = urlOf(app, host)
  return {
    url,
    consoleLink,
    close: async () => {
      shutdown.abort()
      await app.close()
    },
  }
}

function urlOf(app: FastifyInstance, host: string): string {
  const address = app.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`
}

function cannotListen({ host, port }: ListenAddress, cause: NodeJS.ErrnoException): HoldfastError {
  const inUse = cause.code === 'EADDRINUSE'
  return new HoldfastError(
    inUse ? 'address.in-use' : 'address.unavailable',
    inUse
      ? `Another process listens on ${host}:${port}.`
      : `The controller cannot listen on ${host}:${port} (${cause.code ?? cause.message}).`,
    {
      kind: 'operator',
      place: `${host}:${port}`,
      hint: 'Choose another address with --listen HOST:PORT; port 0 takes a free one.',
      cause,
    },
  )
}

function registerHealth(app: FastifyInstance, service: ControllerService): void {
  app.get('/healthz', { schema: { hide: true } }, async () => ({ alive: true }))
  app.get('/readyz', { schema: { hide: true } }, async (_request, reply) => {
    const ready = await service.isReady()
    return reply.code(ready ? 200 : 503).send({ ready })
  })
}

const noConsole = `<!doctype html><meta charset="utf-8"><title>Holdfast</title>
<h1>The console is not built</h1>
<p>Build it with <code>npm run build</code>, then start the controller again. The API is below <code>/api/v1</code>; its description is at <code>/openapi.json</code>.</p>
`

async function registerConsole(app: FastifyInstance, consoleDir: string): Promise<void> {
  if (existsSync(consoleDir)) {
    // The build leaves each file compressed beside itself.
    await app.register(fastifyStatic, {
      ...{ root: consoleDir, cacheControl: false, preCompressed: true },
    })
    // Their names change with their content, so nobody fetches them twice.
    app.addHook('onSend', async ({ url }, reply) => {
      if (url.startsWith('/assets/') && reply.statusCode === 200)
        reply.header('cache-control', 'public, max-age=31536000, immutable')
    })
    // A link to a page of the console opens that page; which pages there are is the console's business.
    for (const path of ['/groups/*', '/operations/*'])
      app.get(path, { schema: { hide: true } }, (_request, reply) => reply.sendFile('index.html'))
    return
  }
  app.get('/', { schema: { hide: true } }, (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(noConsole),
  )
}

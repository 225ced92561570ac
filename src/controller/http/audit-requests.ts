import type { FastifyInstance } from 'fastify'
import { apiPrefix } from '../../api/prefix.ts'
import type { AuditLog } from '../../evidence/audit-log.ts'
import type { Json } from '../../model/json.ts'
import type { ConsoleSession } from '../access/console-sessions.ts'
import { isPublic } from './access.ts'
import { callerOf } from './caller.ts'

/** How a change that is asked for enters the audit log. */
export interface RequestAudit {
  /** Default: the last word of the path. */
  readonly action?: string
  /** Fields of the body to keep; none by default, because a body may hold a secret (I9). */
  readonly fields?: readonly string[]
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** False: nothing is changed, or it comes with every round. */
    audit?: RequestAudit | false
  }
}

export interface AuditOptions {
  readonly audit: Pick<AuditLog, 'append'>
  /** Names of the groups that the controller serves. */
  readonly groups: readonly string[]
}

/** Every call that is no GET is noted before its handler runs; a new route is, too, unless it says no. */
export function auditRequests(app: FastifyInstance, options: AuditOptions): void {
  app.addHook('preHandler', async (request) => {
    const { audit: rule = {} } = request.routeOptions.config
    const path = request.routeOptions.url ?? ''
    if (request.method === 'GET' || !path.startsWith(apiPrefix) || rule === false) return
    // Sign-in has no caller yet; it notes who came by itself.
    if (isPublic(request)) return
    const body = fieldsOf(request.body)
    if (body.dryRun === true) return
    const params = fieldsOf(request.params)
    const details = Object.fromEntries(
      (rule.fields ?? []).flatMap((name) =>
        body[name] === undefined ? [] : [[name, body[name] as Json]],
      ),
    )
    await options.audit.append({
      actor: callerOf(request).name,
      group: String(params.group ?? options.groups[0] ?? ''),
      action: `request.${rule.action ?? lastWord(path)}`,
      subject: String(params.id ?? params.member ?? params.group ?? ''),
      details,
    })
  })
}

/** Before the browser gets its cookie. Ids are noted beside the names, which people may choose. */
export async function noteSignIn(session: ConsoleSession, options: AuditOptions): Promise<void> {
  for (const group of options.groups) {
    await options.audit.append({
      ...{ actor: session.name, group, action: 'session.signed-in', subject: session.id },
      details: { by: session.by },
    })
  }
}

function lastWord(path: string): string {
  return path.split('/').findLast((part) => part !== '' && !part.startsWith(':')) ?? path
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

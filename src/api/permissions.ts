import type { Role } from './roles.ts'

/**
 * The role that each operation of the API needs, in the group its address names; in every group that
 * the controller serves where it names none; for `/operations/:id` in the group of the operation. A
 * route that stands in neither table keeps the controller from starting.
 */
export const permissions = {
  // Who am I, and sign me out: also for those who have no role.
  'GET /api/v1/session': 'anyone-known',
  'POST /api/v1/session/end': 'anyone-known',

  'GET /openapi.json': 'viewer',
  'GET /docs/json': 'viewer',
  'GET /docs/yaml': 'viewer',
  'GET /metrics': 'viewer',
  'GET /api/v1/status': 'viewer',
  'GET /api/v1/events': 'viewer',
  'GET /api/v1/operations': 'viewer',
  'GET /api/v1/operations/:id': 'viewer',
  'GET /api/v1/operations/:id/report': 'viewer',
  'GET /api/v1/operations/:id/report.html': 'viewer',
  'GET /api/v1/operations/:id/report.sig': 'viewer',
  'GET /api/v1/audit': 'viewer',
  'GET /api/v1/audit/verdict': 'viewer',
  'GET /api/v1/audit/key': 'viewer',
  'GET /api/v1/groups/:group/history': 'viewer',
  'GET /api/v1/groups/:group/plan': 'viewer',
  'GET /api/v1/groups/:group/objects': 'viewer',
  'GET /api/v1/groups/:group/objects/:id': 'viewer',
  'GET /api/v1/groups/:group/drift': 'viewer',
  'GET /api/v1/groups/:group/conflicts': 'viewer',
  'GET /api/v1/groups/:group/conflicts/kept': 'viewer',
  'GET /api/v1/groups/:group/jobs': 'viewer',
  'GET /api/v1/groups/:group/runs': 'viewer',
  'GET /api/v1/groups/:group/runs/:run': 'viewer',
  'GET /api/v1/groups/:group/runs/:run/comparison': 'viewer',
  'GET /api/v1/groups/:group/endpoints': 'viewer',
  'GET /api/v1/groups/:group/settings': 'viewer',
  'GET /api/v1/groups/:group/topology': 'viewer',
  'GET /api/v1/groups/:group/outages': 'viewer',
  'GET /api/v1/groups/:group/readiness': 'viewer',
  'GET /api/v1/groups/:group/decisions': 'viewer',

  'POST /api/v1/groups/:group/sync': 'operator',
  'POST /api/v1/groups/:group/verify': 'operator',
  'POST /api/v1/groups/:group/drill': 'operator',
  'POST /api/v1/groups/:group/failover': 'operator',
  'POST /api/v1/groups/:group/switchover': 'operator',
  'POST /api/v1/groups/:group/failback': 'operator',
  'POST /api/v1/groups/:group/reprotect': 'operator',
  'POST /api/v1/operations/:id/cancel': 'operator',
  'POST /api/v1/operations/:id/retry': 'operator',
  'POST /api/v1/operations/:id/skip': 'operator',
  'POST /api/v1/operations/:id/abort': 'operator',
  // The least of what a step may wait for; the step's own role is checked when it is known.
  'POST /api/v1/operations/:id/approve': 'operator',
  'POST /api/v1/operations/:id/reject': 'operator',
  'POST /api/v1/groups/:group/conflicts/resolve': 'operator',
  'POST /api/v1/groups/:group/outages/:member': 'operator',
  // A vote about a failover: whoever may give it may bring one about.
  'POST /api/v1/groups/:group/views': 'operator',
  'POST /api/v1/groups/:group/notify/test': 'operator',
  'POST /api/v1/groups/:group/pause': 'operator',
  'POST /api/v1/groups/:group/resume': 'operator',
  'POST /api/v1/groups/:group/acknowledge': 'operator',

  // Shows what is sealed: environment variables and other texts that may be secrets.
  'POST /api/v1/groups/:group/conflicts/kept/open': 'admin',
  // Whoever opens the link is admin of everything here.
  'POST /api/v1/console-link': 'admin',
  'GET /api/v1/groups/:group/tokens': 'admin',
  'POST /api/v1/groups/:group/tokens': 'admin',
  'POST /api/v1/groups/:group/tokens/:id/revoke': 'admin',
} as const satisfies Readonly<Record<string, Role | 'anyone-known'>>

export type OperationKey = keyof typeof permissions

export function roleFor(key: string): Role | 'anyone-known' | undefined {
  return Object.hasOwn(permissions, key) ? permissions[key as OperationKey] : undefined
}

/** Answered to anybody: liveness, and the files of the console and the docs, which hold nothing secret. */
export const publicRoutes: ReadonlySet<string> = new Set([
  'GET /healthz',
  'GET /readyz',
  'GET /api/v1/sign-in-ways',
  'GET /sign-in',
  'GET /sign-in/callback',
  'GET /',
  'GET /*',
  'GET /groups/*',
  'GET /operations/*',
  // The reader of the API's description; the description itself is for viewers.
  'GET /docs',
  'GET /docs/',
  'GET /docs/static/index.html',
  'GET /docs/static/swagger-initializer.js',
  'GET /docs/static/*',
])

import type { Finding } from './finding.ts'
import { serviceOf } from './member-schema.ts'

/** Run history is copied between services of one kind: what an id, a metric or an artifact is differs. */
export function checkServices(members: Record<string, unknown>): Finding[] {
  const servers = Object.keys(members).filter((name) => isMlflow(members[name]))
  const others = Object.keys(members).filter((name) => serviceOf(members[name]) === 'workspace')
  const [server] = servers
  const [other] = others
  if (server === undefined || other === undefined) return []
  return [
    {
      code: 'mixed-members',
      path: ['members', server, 'mlflow'],
      atKey: true,
      message: `'${server}' is an MLflow server and '${other}' a workspace of Azure ML.`,
      remedy: 'Pair servers with servers and workspaces with workspaces.',
    },
  ]
}

/** A stable endpoint leads to a workspace or to its online endpoints; an MLflow server has neither. */
export function checkEndpointService(
  endpoints: unknown,
  members: Record<string, unknown>,
): Finding[] {
  if (!Array.isArray(endpoints) || endpoints.length === 0) return []
  if (!Object.values(members).some(isMlflow)) return []
  return [
    {
      code: 'endpoint-of-mlflow',
      path: ['endpoints'],
      atKey: true,
      message: 'Stable endpoints lead to workspaces of Azure ML; the members are MLflow servers.',
      remedy: 'Remove `endpoints:` and let a name of your own lead to the server in charge.',
    },
  ]
}

function isMlflow(member: unknown): boolean {
  return serviceOf(member) === 'mlflow'
}

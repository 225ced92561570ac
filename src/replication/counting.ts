import type { ReplicationContext } from './pass.ts'

/** Counts requests to both workspaces without knowing what they are. */
export function counting(context: ReplicationContext, count: () => void): ReplicationContext {
  const counted = <T extends object>(workspace: T): T =>
    new Proxy(workspace, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          count()
          return Reflect.apply(value, target, args) as unknown
        }
      },
    })
  return { ...context, source: counted(context.source), target: counted(context.target) }
}

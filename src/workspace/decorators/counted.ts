import { isHoldfastError } from '../../model/errors.ts'
import type { Workspace } from '../workspace.ts'
import { interceptWorkspace } from './intercept.ts'
import { serviceOf } from './limited.ts'

/** What the workspaces answered since the process started. */
export interface CallCounts {
  /** `result`: `ok`, or the code of the error; throttling is `workspace.throttled`. */
  readonly calls: readonly {
    readonly labels: { readonly member: string; readonly service: string; readonly result: string }
    readonly value: number
  }[]
  /** By member: is it left alone because it only fails? */
  readonly circuits: ReadonlyMap<string, boolean>
}

/** Collects for all members; read when somebody asks for metrics. */
export function callCounter() {
  const values = new Map<string, CallCounts['calls'][number]>()
  const circuits = new Map<string, boolean>()
  const count = (member: string, service: string, result: string) => {
    const key = `${member} ${service} ${result}`
    const value = (values.get(key)?.value ?? 0) + 1
    values.set(key, { labels: { member, service, result }, value })
  }
  return {
    read: (): CallCounts => ({ calls: [...values.values()], circuits }),
    /** For `breaking`. */
    onCircuit: (member: string, isOpen: boolean) => void circuits.set(member, isOpen),
    /** A workspace whose every call counts; the innermost decorator, so that each try does. */
    counted: (workspace: Workspace): Workspace =>
      interceptWorkspace(workspace, async ({ operation }, next) => {
        const note = (result: string) => count(workspace.name, serviceOf[operation], result)
        try {
          const result = await next()
          note('ok')
          return result
        } catch (error) {
          note(isHoldfastError(error) ? error.code : 'unexpected')
          throw error
        }
      }),
  }
}

export type CallCounter = ReturnType<typeof callCounter>

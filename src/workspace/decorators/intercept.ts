import {
  type CallOptions,
  type Workspace,
  type WorkspaceOperation,
  workspaceOperations,
} from '../workspace.ts'

/** One call on its way to a workspace. */
export interface WorkspaceCall {
  readonly workspace: string
  readonly operation: WorkspaceOperation
  readonly writes: boolean
  readonly args: readonly unknown[]
  readonly signal: AbortSignal | undefined
  /** The epoch a write carries; undefined for reads. */
  readonly epoch: number | undefined
}

/** Stands around every operation: calls `next` once, several times or not at all. */
export type Interceptor = (call: WorkspaceCall, next: () => Promise<unknown>) => Promise<unknown>

type Operation = (...args: readonly unknown[]) => Promise<unknown>

/**
 * A workspace whose every operation goes through `interceptor`; all decorators are made of it, so
 * that none can forget an operation.
 */
export function interceptWorkspace(workspace: Workspace, interceptor: Interceptor): Workspace {
  const operations = Object.keys(workspaceOperations) as WorkspaceOperation[]
  const entries = operations.map((operation): [WorkspaceOperation, Operation] => {
    const { writes, options: position } = workspaceOperations[operation]
    // One shape for all operations: the table above, not the type, knows where the options are.
    const method = workspace[operation].bind(workspace) as unknown as Operation
    return [
      operation,
      async (...args) => {
        const options = args[position] as (CallOptions & { epoch?: number }) | undefined
        const { signal, epoch } = options ?? {}
        const call = { workspace: workspace.name, operation, writes, args, signal, epoch }
        return await interceptor(call, () => method(...args))
      },
    ]
  })
  const intercepted = Object.fromEntries(entries) as unknown as Pick<Workspace, WorkspaceOperation>
  return {
    ...intercepted,
    name: workspace.name,
    capabilities: workspace.capabilities,
    close: () => workspace.close(),
  }
}

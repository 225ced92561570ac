import { breaking } from './decorators/breaking.ts'
import { faulty } from './decorators/faulty.ts'
import { fenced } from './decorators/fenced.ts'
import { interceptWorkspace } from './decorators/intercept.ts'
import { limited } from './decorators/limited.ts'
import { retrying } from './decorators/retrying.ts'
import { memoryWorkspace } from './memory/memory-workspace.ts'
import { describeWorkspaceContract } from './testing/workspace-contract.ts'
import type { Workspace } from './workspace.ts'

/** The memory workspace, alone and inside every decorator: none of them may change what is promised. */
const decorators: Readonly<Record<string, (workspace: Workspace) => Workspace>> = {
  memory: (workspace) => workspace,
  intercepted: (workspace) => interceptWorkspace(workspace, (_call, next) => next()),
  fenced: (workspace) => fenced(workspace, { currentEpoch: async () => 1 }),
  limited: (workspace) => limited(workspace, { max: 2 }),
  breaking: (workspace) => breaking(workspace),
  retrying: (workspace) => retrying(workspace, { attempts: 2 }),
  'faulty, with nothing broken': (workspace) => faulty(workspace),
  'throttled now and then, retried': (workspace) => {
    const broken = faulty(workspace)
    broken.throttle(5, 0)
    return retrying(broken, { attempts: 10, baseDelayMs: 1 })
  },
}

for (const [name, decorate] of Object.entries(decorators)) {
  describeWorkspaceContract(name, {
    create: async () => {
      const memory = memoryWorkspace()
      return { workspace: decorate(memory), close: () => memory.close() }
    },
  })
}

import type { ChildProcess } from 'node:child_process'
import { HoldfastError, isHoldfastError } from '../../model/errors.ts'
import { armKinds } from '../../model/kinds.ts'
import type { StableEndpoint } from '../../traffic/stable-endpoint.ts'
import { type Workspace, workspaceOperations } from '../../workspace/workspace.ts'
import type { Reach } from './worlds.ts'

/**
 * The outside lives in the test's process and is used by a controller in a child process, so that
 * the child can be killed at any instant and the outside stays as it was left.
 */
interface Call {
  readonly call: number
  readonly object: keyof Reach
  readonly method: string
  readonly args: readonly unknown[]
}
type Answer =
  | { readonly call: number; readonly value: unknown }
  | { readonly call: number; readonly error: { readonly code: string; readonly kind: string } }

type Method = (...args: readonly unknown[]) => Promise<unknown>
const endpointMethods = ['current', 'switchTo', 'verify'] as const
export const writing = new Set([
  'switchTo',
  ...Object.entries(workspaceOperations).flatMap(([name, { writes }]) => (writes ? [name] : [])),
])

/** `onCall` may end the child instead of letting the call through or its answer back. */
export function serveReach(
  child: ChildProcess,
  reach: Reach,
  onCall: (call: Call, when: 'before' | 'after') => void,
): void {
  child.on('message', async (message) => {
    const call = message as Call
    onCall(call, 'before')
    if (child.killed) return
    const target = reach[call.object] as unknown as Record<string, Method>
    const answer = await answerTo(call, () => target[call.method]?.(...call.args))
    onCall(call, 'after')
    if (!child.killed && child.connected) child.send(answer)
  })
}

async function answerTo({ call }: Call, run: () => unknown): Promise<Answer> {
  try {
    return { call, value: await run() }
  } catch (error) {
    const known = isHoldfastError(error) ? error : { code: String(error), kind: 'permanent' }
    return { call, error: { code: known.code, kind: known.kind } }
  }
}

/** In the child. Abort signals stay here: a killed process cannot abort anything anyway. */
export function remoteReach(): Reach {
  let next = 0
  const waiting = new Map<number, (answer: Answer) => void>()
  process.on('message', (message) => {
    const answer = message as Answer
    waiting.get(answer.call)?.(answer)
    waiting.delete(answer.call)
  })
  const ask = (object: keyof Reach, method: string, args: readonly unknown[]) =>
    new Promise<unknown>((resolve, reject) => {
      const call = next++
      waiting.set(call, (answer) => {
        if ('value' in answer) return resolve(answer.value)
        const kind = answer.error.kind === 'transient' ? 'transient' : 'permanent'
        reject(new HoldfastError(answer.error.code, answer.error.code, { kind }))
      })
      process.send?.({ call, object, method, args: args.map(withoutSignal) })
    })
  const methods = (object: keyof Reach, names: readonly string[]) =>
    Object.fromEntries(
      names.map((name) => [name, (...args: readonly unknown[]) => ask(object, name, args)]),
    )
  const workspace = (name: 'east' | 'west') =>
    ({
      ...methods(name, Object.keys(workspaceOperations)),
      name,
      capabilities: {
        keepsRunIds: true,
        artifacts: 'in-stores',
        limits: { runsPerRead: 1, valuesPerWrite: 250 },
        kinds: new Set(armKinds.map((each) => each.kind)),
        copiesFromUrl: true,
      },
      close: async () => undefined,
    }) as unknown as Workspace
  const endpoint = (object: 'gateway' | 'config', name: string) =>
    ({ name, ...methods(object, endpointMethods) }) as unknown as StableEndpoint
  return {
    east: workspace('east'),
    west: workspace('west'),
    gateway: endpoint('gateway', 'gateway scoring'),
    config: endpoint('config', 'config.json'),
  }
}

function withoutSignal(argument: unknown): unknown {
  if (typeof argument !== 'object' || argument === null || !('signal' in argument)) return argument
  return { ...argument, signal: undefined }
}

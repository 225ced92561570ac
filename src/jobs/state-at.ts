import type { Workspace } from '../workspace/workspace.ts'
import { object } from './checkpoint-place.ts'

/** How a job stands at a member now; undefined: it is not there. */
export async function stateAt(
  member: Pick<Workspace, 'getObject'>,
  name: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const options = signal === undefined ? {} : { signal }
  const found = await member.getObject({ kind: 'job', path: [name] }, options)
  return found && String(object(found.body.properties).status ?? 'Unknown')
}

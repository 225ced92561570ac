import type { RunLink, RunLinks } from '../workspace/run-links.ts'
import type { RunOrigin } from '../workspace/workspace.ts'

export function memoryRunLinks(): RunLinks {
  const links = new Map<string, RunLink>()
  /** (group, member, run, other member) -> run there. */
  const ways = new Map<string, string>()
  const keyOf = (...parts: readonly string[]) => JSON.stringify(parts)
  const lead = (group: string, from: RunOrigin, to: RunOrigin) => {
    const key = keyOf(group, from.member, from.runId, to.member)
    if (!ways.has(key)) ways.set(key, to.runId)
  }
  return {
    async find(group, from, to, runIds) {
      return new Map(
        runIds.flatMap((runId) => {
          const found = ways.get(keyOf(group, from, runId, to))
          return found === undefined ? [] : [[runId, found] as const]
        }),
      )
    },
    async add(group, added) {
      for (const { origin, copy } of added) {
        const key = keyOf(group, copy.member, copy.runId)
        if (links.has(key)) continue
        links.set(key, { origin, copy })
        lead(group, origin, copy)
        lead(group, copy, origin)
      }
    },
    async resolve(group, runId) {
      return [...links]
        .filter(([key]) => (JSON.parse(key) as string[])[0] === group)
        .map(([, link]) => link)
        .filter(({ origin, copy }) => origin.runId === runId || copy.runId === runId)
    },
  }
}

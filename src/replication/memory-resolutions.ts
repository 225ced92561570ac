import { type Direction, directionKey } from './ledger.ts'
import type { KeptContent, Resolution, ResolutionStore } from './resolutions.ts'

export function memoryResolutions(): ResolutionStore {
  const decided = new Map<string, Map<string, Resolution>>()
  const aside = new Map<string, Map<string, KeptContent>>()
  const table = <T>(tables: Map<string, Map<string, T>>, direction: Direction) => {
    const key = directionKey(direction)
    const found = tables.get(key) ?? new Map<string, T>()
    tables.set(key, found)
    return found
  }
  return {
    async resolve(direction, resolution) {
      table(decided, direction).set(resolution.object, resolution)
    },
    async resolutions(direction) {
      return [...table(decided, direction).values()]
    },
    async keep(direction, content) {
      const key = JSON.stringify([content.object, content.side, content.digest])
      const known = table(aside, direction)
      if (!known.has(key)) known.set(key, structuredClone(content))
    },
    async discard(direction, { object, side, digest }) {
      table(aside, direction).delete(JSON.stringify([object, side, digest]))
    },
    async kept(direction, object) {
      return [...table(aside, direction).values()]
        .filter((one) => object === undefined || one.object === object)
        .sort((a, b) => (a.at > b.at ? -1 : 1))
    },
  }
}

import type { Definition, DefinitionStore } from './definitions.ts'
import { directionKey } from './ledger.ts'

export function memoryDefinitions(): DefinitionStore {
  const tables = new Map<string, Map<string, Definition>>()
  return {
    async write(direction, definitions) {
      const key = directionKey(direction)
      const table = tables.get(key) ?? new Map<string, Definition>()
      tables.set(key, table)
      for (const definition of definitions) {
        table.set(definition.object, structuredClone(definition))
      }
    },
    async read(direction, objects) {
      const table = tables.get(directionKey(direction))
      return new Map(
        objects.flatMap((object) => {
          const found = table?.get(object)
          return found ? [[object, found] as const] : []
        }),
      )
    },
    async list(direction, { kind, after, limit }) {
      return [...(tables.get(directionKey(direction))?.values() ?? [])]
        .filter((one) => kind === undefined || one.kind === kind)
        .filter((one) => after === undefined || one.object > after)
        .sort((a, b) => (a.object < b.object ? -1 : 1))
        .slice(0, limit)
    },
  }
}

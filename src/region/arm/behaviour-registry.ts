import type { KindBehaviour } from '../context.ts'

/** What each ARM type does beyond being stored. Services register theirs before the region listens. */
export interface BehaviourRegistry {
  /** Refuses a second behaviour for the same type: two owners of one kind are a programming error. */
  register(behaviour: KindBehaviour): void
  /** Of a type in any case; a plain stored document has none. */
  of(type: string): KindBehaviour | undefined
  /** Every type with a behaviour, in lower case. */
  types(): string[]
}

export function behaviourRegistry(): BehaviourRegistry {
  const byType = new Map<string, KindBehaviour>()
  return {
    register(behaviour) {
      const type = behaviour.type.toLowerCase()
      if (byType.has(type)) throw new Error(`behaviour for ${type} is registered twice`)
      byType.set(type, behaviour)
    },
    types: () => [...byType.keys()],
    of: (type) => byType.get(type.toLowerCase()),
  }
}

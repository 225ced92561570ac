import type { Command } from 'commander'

export interface CommandEntry {
  readonly name: string
  readonly summary: string
  load(): Promise<Command>
}

/** In the order of use. Each module is loaded only when its command is asked for. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'region',
    summary: 'run local regions',
    load: async () => (await import('./commands/region.ts')).regionCommand(),
  },
  {
    name: 'init',
    summary: 'write continuity.yaml for two workspaces',
    load: async () => (await import('./commands/init.ts')).initCommand(),
  },
  {
    name: 'import',
    summary: 'create objects from a folder of Azure ML CLI v2 YAML',
    load: async () => (await import('./commands/import.ts')).importCommand(),
  },
]

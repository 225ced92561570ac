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
  {
    name: 'export',
    summary: 'write the objects of a workspace as Azure ML CLI v2 YAML',
    load: async () => (await import('./commands/export.ts')).exportCommand(),
  },
  {
    name: 'plan',
    summary: 'what a sync would copy, change and leave',
    load: async () => (await import('./commands/plan.ts')).planCommand(),
  },
  {
    name: 'sync',
    summary: 'replicate now, and prove what arrived',
    load: async () => (await import('./commands/sync.ts')).syncCommand(),
  },
  {
    name: 'verify',
    summary: 'read proven objects again on both sides, bytes included',
    load: async () => (await import('./commands/verify.ts')).verifyCommand(),
  },
  {
    name: 'status',
    summary: 'where writes go, how far the other side is, who is well',
    load: async () => (await import('./commands/status.ts')).statusCommand(),
  },
  {
    name: 'objects',
    summary: 'the ledger: every object and whether it is proven',
    load: async () => (await import('./commands/objects.ts')).objectsCommand(),
  },
  {
    name: 'drift',
    summary: 'what differs at the secondary other than by lag',
    load: async () => (await import('./commands/drift.ts')).driftCommand(),
  },
  {
    name: 'conflicts',
    summary: 'what both sides changed, and whose content stands',
    load: async () => (await import('./commands/conflicts.ts')).conflictsCommand(),
  },
  {
    name: 'resolve',
    summary: 'where a run is now, by its id at either side',
    load: async () => (await import('./commands/resolve.ts')).resolveCommand(),
  },
  {
    name: 'jobs',
    summary: 'open jobs, and what happened to them at a failover',
    load: async () => (await import('./commands/jobs.ts')).jobsCommand(),
  },
  {
    name: 'failover',
    summary: 'move to the other region now; the source may be gone',
    load: async () => (await import('./commands/failover.ts')).failoverCommand(),
  },
  {
    name: 'switchover',
    summary: 'move to the other region on purpose; nothing is lost',
    load: async () => (await import('./commands/switchover.ts')).switchoverCommand(),
  },
  {
    name: 'reprotect',
    summary: 'after a failover: salvage, then replicate the other way',
    load: async () => (await import('./commands/reprotect.ts')).reprotectCommand(),
  },
  {
    name: 'failback',
    summary: 'return to the primary of the plan; nothing is lost',
    load: async () => (await import('./commands/switchover.ts')).failbackCommand(),
  },
  {
    name: 'assess',
    summary: 'could we fail over now? what stands in the way, and its remedy',
    load: async () => (await import('./commands/assess.ts')).assessCommand(),
  },
  {
    name: 'drill',
    summary: 'rehearse a failover beside the protection that goes on',
    load: async () => (await import('./commands/drill.ts')).drillCommand(),
  },
  {
    name: 'controller',
    summary: 'run the controller of the plan: probes, passes, API, console',
    load: async () => (await import('./commands/controller.ts')).controllerCommand(),
  },
  {
    name: 'console',
    summary: 'print a link that opens the console, once',
    load: async () => (await import('./commands/console.ts')).consoleCommand(),
  },
  {
    name: 'probe',
    summary: 'run a vantage point: probe the members from here and tell the controller',
    load: async () => (await import('./commands/probe.ts')).probeCommand(),
  },
  {
    name: 'pause',
    summary: 'pause automatic decisions, with a reason',
    load: async () => (await import('./commands/decisions.ts')).pauseCommand(),
  },
  {
    name: 'resume',
    summary: 'end the pause',
    load: async () => (await import('./commands/decisions.ts')).resumeCommand(),
  },
  {
    name: 'acknowledge',
    summary: 'acknowledge an automatic failover, so that another one may follow',
    load: async () => (await import('./commands/decisions.ts')).acknowledgeCommand(),
  },
  {
    name: 'decisions',
    summary: 'what was decided, by whom and why',
    load: async () => (await import('./commands/decisions.ts')).decisionsCommand(),
  },
  {
    name: 'audit',
    summary: 'who did what, in a log that shows tampering',
    load: async () => (await import('./commands/audit.ts')).auditCommand(),
  },
  {
    name: 'gateway',
    summary: 'run the gateway of the plan',
    load: async () => (await import('./commands/gateway.ts')).gatewayCommand(),
  },
  {
    name: 'demo',
    summary: 'an outage and a failover, start to end, on two local regions',
    load: async () => (await import('./commands/demo.ts')).demoCommand(),
  },
]

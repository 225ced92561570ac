import type { Command } from 'commander'

/** In the order in which the help shows them. */
const topics = [
  'Set up',
  'Replicate and prove',
  'See how things stand',
  'Move and rehearse',
  'Steer an operation',
  'Keep the evidence',
  'Run the services',
  'Steer automatic decisions',
  'Try it on this machine',
] as const

type Topic = (typeof topics)[number]

interface CommandEntry {
  readonly name: string
  /** What one wants to do with it; the help lists commands by topic. */
  readonly topic: Topic
  readonly summary: string
  load(): Promise<Command>
}

/** Each module is loaded only when its command is asked for. */
const entries = [
  {
    name: 'init',
    topic: 'Set up',
    summary: 'write continuity.yaml for two workspaces',
    load: async () => (await import('./commands/init.ts')).initCommand(),
  },
  {
    name: 'import',
    topic: 'Set up',
    summary: 'create objects from a folder of Azure ML CLI v2 YAML',
    load: async () => (await import('./commands/import.ts')).importCommand(),
  },
  {
    name: 'export',
    topic: 'Set up',
    summary: 'write the objects of a workspace as Azure ML CLI v2 YAML',
    load: async () => (await import('./commands/export.ts')).exportCommand(),
  },
  {
    name: 'completion',
    topic: 'Set up',
    summary: 'print a script that completes command lines in your shell',
    load: async () => (await import('./commands/completion.ts')).completionCommand(),
  },
  {
    name: 'plan',
    topic: 'Replicate and prove',
    summary: 'what a sync would copy, change and leave',
    load: async () => (await import('./commands/plan.ts')).planCommand(),
  },
  {
    name: 'sync',
    topic: 'Replicate and prove',
    summary: 'replicate now, and prove what arrived',
    load: async () => (await import('./commands/sync.ts')).syncCommand(),
  },
  {
    name: 'verify',
    topic: 'Replicate and prove',
    summary: 'read proven objects again on both sides, bytes included',
    load: async () => (await import('./commands/verify.ts')).verifyCommand(),
  },
  {
    name: 'objects',
    topic: 'Replicate and prove',
    summary: 'the ledger: every object and whether it is proven',
    load: async () => (await import('./commands/objects.ts')).objectsCommand(),
  },
  {
    name: 'drift',
    topic: 'Replicate and prove',
    summary: 'what differs at the secondary other than by lag',
    load: async () => (await import('./commands/drift.ts')).driftCommand(),
  },
  {
    name: 'conflicts',
    topic: 'Replicate and prove',
    summary: 'what both sides changed, and whose content stands',
    load: async () => (await import('./commands/conflicts.ts')).conflictsCommand(),
  },
  {
    name: 'resolve',
    topic: 'Replicate and prove',
    summary: 'where a run is now, by its id at either side',
    load: async () => (await import('./commands/resolve.ts')).resolveCommand(),
  },
  {
    name: 'status',
    topic: 'See how things stand',
    summary: 'where writes go, how far the other side is, who is well',
    load: async () => (await import('./commands/status.ts')).statusCommand(),
  },
  {
    name: 'assess',
    topic: 'See how things stand',
    summary: 'could we fail over now? what stands in the way, and its remedy',
    load: async () => (await import('./commands/assess.ts')).assessCommand(),
  },
  {
    name: 'jobs',
    topic: 'See how things stand',
    summary: 'open jobs, and what happened to them at a failover',
    load: async () => (await import('./commands/jobs.ts')).jobsCommand(),
  },
  {
    name: 'decisions',
    topic: 'See how things stand',
    summary: 'what was decided, by whom and why',
    load: async () => (await import('./commands/decisions.ts')).decisionsCommand(),
  },
  {
    name: 'console',
    topic: 'See how things stand',
    summary: 'print a link that opens the console, once',
    load: async () => (await import('./commands/console.ts')).consoleCommand(),
  },
  {
    name: 'failover',
    topic: 'Move and rehearse',
    summary: 'move to the other region now; the source may be gone',
    load: async () => (await import('./commands/failover.ts')).failoverCommand(),
  },
  {
    name: 'switchover',
    topic: 'Move and rehearse',
    summary: 'move to the other region on purpose; nothing is lost',
    load: async () => (await import('./commands/switchover.ts')).switchoverCommand(),
  },
  {
    name: 'failback',
    topic: 'Move and rehearse',
    summary: 'return to the primary of the plan; nothing is lost',
    load: async () => (await import('./commands/switchover.ts')).failbackCommand(),
  },
  {
    name: 'reprotect',
    topic: 'Move and rehearse',
    summary: 'after a failover: salvage, then replicate the other way',
    load: async () => (await import('./commands/reprotect.ts')).reprotectCommand(),
  },
  {
    name: 'drill',
    topic: 'Move and rehearse',
    summary: 'rehearse a failover beside the protection that goes on',
    load: async () => (await import('./commands/drill.ts')).drillCommand(),
  },
  {
    name: 'approve',
    topic: 'Steer an operation',
    summary: 'agree to what an operation waits for',
    load: async () => (await import('./commands/control.ts')).approveCommand(),
  },
  {
    name: 'reject',
    topic: 'Steer an operation',
    summary: 'say no to what an operation waits for',
    load: async () => (await import('./commands/control.ts')).rejectCommand(),
  },
  {
    name: 'retry',
    topic: 'Steer an operation',
    summary: 'go on with an operation that failed',
    load: async () => (await import('./commands/control.ts')).retryCommand(),
  },
  {
    name: 'skip',
    topic: 'Steer an operation',
    summary: 'leave out a step that may be left out',
    load: async () => (await import('./commands/control.ts')).skipCommand(),
  },
  {
    name: 'abort',
    topic: 'Steer an operation',
    summary: 'undo what a move has done, before its point of no return',
    load: async () => (await import('./commands/control.ts')).abortCommand(),
  },
  {
    name: 'notify',
    topic: 'Keep the evidence',
    summary: 'try the channels that tell people',
    load: async () => (await import('./commands/notify.ts')).notifyCommand(),
  },
  {
    name: 'history',
    topic: 'Keep the evidence',
    summary: 'operations and drills: who, outcome, what was measured',
    load: async () => (await import('./commands/history.ts')).historyCommand(),
  },
  {
    name: 'report',
    topic: 'Keep the evidence',
    summary: 'keep a report, or check that it is what was signed',
    load: async () => (await import('./commands/report.ts')).reportCommand(),
  },
  {
    name: 'audit',
    topic: 'Keep the evidence',
    summary: 'who did what, in a log that shows tampering',
    load: async () => (await import('./commands/audit.ts')).auditCommand(),
  },
  {
    name: 'controller',
    topic: 'Run the services',
    summary: 'run the controller of the plan: probes, passes, API, console',
    load: async () => (await import('./commands/controller.ts')).controllerCommand(),
  },
  {
    name: 'token',
    topic: 'Run the services',
    summary: 'tokens of machines: create, list, revoke',
    load: async () => (await import('./commands/token.ts')).tokenCommand(),
  },
  {
    name: 'gateway',
    topic: 'Run the services',
    summary: 'run the gateway of the plan',
    load: async () => (await import('./commands/gateway.ts')).gatewayCommand(),
  },
  {
    name: 'probe',
    topic: 'Run the services',
    summary: 'run a vantage point: probe the members from here and tell the controller',
    load: async () => (await import('./commands/probe.ts')).probeCommand(),
  },
  {
    name: 'worker',
    topic: 'Run the services',
    summary: 'share the passes of the controllers on one PostgreSQL',
    load: async () => (await import('./commands/worker.ts')).workerCommand(),
  },
  {
    name: 'pause',
    topic: 'Steer automatic decisions',
    summary: 'pause automatic decisions, with a reason',
    load: async () => (await import('./commands/decisions.ts')).pauseCommand(),
  },
  {
    name: 'resume',
    topic: 'Steer automatic decisions',
    summary: 'end the pause',
    load: async () => (await import('./commands/decisions.ts')).resumeCommand(),
  },
  {
    name: 'acknowledge',
    topic: 'Steer automatic decisions',
    summary: 'acknowledge an automatic failover, so that another one may follow',
    load: async () => (await import('./commands/decisions.ts')).acknowledgeCommand(),
  },
  {
    name: 'region',
    topic: 'Try it on this machine',
    summary: 'run local regions',
    load: async () => (await import('./commands/region.ts')).regionCommand(),
  },
  {
    name: 'demo',
    topic: 'Try it on this machine',
    summary: 'an outage and a failover, start to end, on two local regions',
    load: async () => (await import('./commands/demo.ts')).demoCommand(),
  },
] as const satisfies readonly CommandEntry[]

export type CommandName = (typeof entries)[number]['name']

export const commands: readonly CommandEntry[] = entries

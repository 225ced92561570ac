const planned = [
  'check-both',
  'copy-ahead',
  'quiesce-source',
  'catch-up',
  'choose-point',
  'raise-epoch',
  'decide-jobs',
  'create-cold',
  'warm-endpoints',
  'switch-traffic',
  'move-configuration',
  'fence-source',
  'resubmit-jobs',
  'enable-schedules',
  'salvage',
  'return-endpoints',
  'replicate-back',
  'mark-protected',
  'write-report',
]

/**
 * The steps of each runbook that steps of a plan may stand beside, in their order. Repeated here
 * because the plan knows nothing of procedures; a test keeps both equal.
 */
export const runbookAnchors = {
  failover: [
    'choose-point',
    'raise-epoch',
    'decide-jobs',
    'fence-source',
    'create-cold',
    'warm-endpoints',
    'switch-traffic',
    'move-configuration',
    'resubmit-jobs',
    'enable-schedules',
    'write-report',
  ],
  switchover: planned,
  failback: planned,
  reprotect: [
    'check-old-primary',
    'cancel-stale-jobs',
    'fence-old-primary',
    'salvage',
    'return-endpoints',
    'replicate-back',
    'mark-protected',
    'write-report',
  ],
} as const

export type ExtensibleRunbook = keyof typeof runbookAnchors
export const extensibleRunbooks = Object.keys(runbookAnchors) as ExtensibleRunbook[]

/** Nothing is undone once it began. */
export const noReturnStep = 'raise-epoch'

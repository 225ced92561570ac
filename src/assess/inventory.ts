/** What is known when somebody asks whether the group could fail over now. Plain data; gathered by the controller. */
export interface Inventory {
  readonly primary: string
  readonly secondary: string
  readonly epoch: number
  readonly lagMs: number | null
  readonly rpoMs: number
  /** False after a failover, until re-protection. */
  readonly replicates: boolean
  readonly counts: readonly {
    readonly kind: string
    readonly pending: number
    readonly failed: number
    readonly conflict: number
  }[]
  /** How far the clock of each member is ahead of the controller's; those that tell. */
  readonly clocks: readonly { readonly member: string; readonly aheadMs: number }[]
  /** Planes of the secondary as this process reaches them with its own credentials. */
  readonly planes: readonly {
    readonly plane: string
    readonly healthy: boolean
    readonly reason?: string
  }[]
  /** Null: the service has no quotas. */
  readonly capacity: Capacity | null
  readonly machines: readonly MachineNeed[]
  readonly secrets: readonly SecretSight[]
  /** Proven images that cannot be pulled at the secondary as they were proven. */
  readonly images: readonly ImageSight[]
  /** Of both sides, and nowhere near the secondary; null: each side has its own, or it is near. */
  readonly distantRegistry: { readonly server: string; readonly region: string } | null
  readonly endpoints: readonly EndpointSight[]
  /** Captured objects that a failover would create, where somebody else's stands already. */
  readonly nameConflicts: readonly string[]
  /** Steps of the failover that need the region which would be gone. */
  readonly stepsNeedingPrimary: readonly string[]
  readonly drillOverdue: boolean
  /** What could not be looked at, each with the reason. */
  readonly unknown: readonly { readonly what: string; readonly reason: string }[]
}

export interface Capacity {
  readonly families: readonly {
    readonly name: string
    readonly used: number
    readonly limit: number
    /** What of it the workspace may use; absent: all. */
    readonly workspaceLimit?: number
  }[]
  readonly sizes: readonly {
    readonly name: string
    readonly family: string
    readonly cores: number
  }[]
}

/** Machines that one compute or deployment has at the secondary and would have after a failover. */
export interface MachineNeed {
  readonly object: string
  readonly size: string
  readonly standing: number
  readonly wanted: number
  /** The service keeps a fifth more in reserve for its upgrades. */
  readonly isEndpoint: boolean
}

export interface SecretSight {
  readonly object: string
  readonly state: 'equal' | 'different' | 'missing' | 'unreadable' | 'not-compared'
  readonly reason?: string
}

export interface ImageSight {
  readonly object: string
  readonly state: 'missing' | 'different'
}

export interface EndpointSight {
  readonly name: string
  readonly member: string | null
  readonly epoch: number | null
  readonly error: string | null
}

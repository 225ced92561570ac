import type { Random } from '../simulation/random.ts'

export type Side = 'east' | 'west'

/** One trouble of a region, as its switch takes it. */
export interface RegionTrouble {
  readonly sides: readonly Side[]
  readonly fault: object
}

const either = (random: Random): readonly Side[] =>
  random.pick([['east'], ['west'], ['east', 'west']] as const)

/** Every trouble a region can be in while it is replicated; `origin` is that of the source. */
export const regionTroubles: Readonly<
  Record<string, (random: Random, origin: string) => RegionTrouble>
> = {
  throttle: (random) => ({
    sides: either(random),
    fault: { kind: 'throttle', share: 0.3 + random.next() * 0.7, retryAfterSeconds: 1 },
  }),
  unavailable: (random) => ({
    sides: either(random),
    fault: { kind: 'unavailable', share: 0.3 + random.next() * 0.7, retryAfterSeconds: 1 },
  }),
  slow: (random) => ({
    sides: either(random),
    fault: { kind: 'slow', latencyMs: 50 + random.below(400) },
  }),
  truncate: (random) => ({
    sides: either(random),
    fault: { kind: 'truncate', share: 0.1 + random.next() * 0.4 },
  }),
  // Each request that vanishes is waited for as long as a client waits: few are enough.
  halfOpen: (random) => ({ sides: either(random), fault: { kind: 'halfOpen', share: 0.02 } }),
  cutOff: (_random, origin) => ({ sides: ['west'], fault: { kind: 'cutOff', origin } }),
  down: (random) => ({ sides: either(random), fault: { kind: 'down' } }),
  pause: (random) => ({ sides: either(random), fault: { kind: 'pause' } }),
  readOnlyVault: () => ({
    sides: ['west'],
    fault: { kind: 'readOnly', scope: { service: 'vault' } },
  }),
  fullDisk: () => ({ sides: ['west'], fault: { kind: 'fullDisk' } }),
  clockSkew: (random) => ({
    sides: either(random),
    fault: { kind: 'clockSkew', skewSeconds: random.below(14_400) - 7200 },
  }),
  slowOperations: (random) => ({
    sides: ['west'],
    fault: { kind: 'slowOperations', operationMs: 500 + random.below(1500) },
  }),
}

/** SIGKILL of the process that replicates. */
export const kills = ['kill-controller', 'kill-sync'] as const

export const faultNames = [...Object.keys(regionTroubles), ...kills]

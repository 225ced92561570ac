import type { Cloud } from '../../workspace/azureml/cloud.ts'
import { type OutsideLook, problemSeenFromOutside } from '../outside-look.ts'
import type { StablePointer } from '../stable-endpoint.ts'

/** What drivers of Azure's traffic services have in common. */
export interface AzureTrafficOptions {
  /** ARM id of what is switched. */
  readonly id: string
  readonly cloud: () => Promise<Cloud>
  /** Member -> what it is called there. */
  readonly members: Readonly<Record<string, string>>
  /** Whether the other members get nothing, or get requests while the first does not answer. */
  readonly others: 'disabled' | 'standby'
  /** Absent: the service's own word is all there is to see from outside. */
  readonly probe: OutsideLook | undefined
  readonly patienceMs: number
}

/** First the settings as the service has them now, then a real request. */
export async function problemOf(
  settings: string | undefined,
  probe: OutsideLook | undefined,
  pointer: StablePointer,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  if (settings !== undefined || probe === undefined) return settings
  return problemSeenFromOutside(probe, pointer, signal)
}

export const lastName = (id: string): string => id.slice(id.lastIndexOf('/') + 1)

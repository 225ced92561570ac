import type { NotifyEvent } from '../plan/notify-schema.ts'

/** One thing to tell people. Holds no secret (I9). */
export interface Notification {
  /** The same for every attempt and every channel; receivers that see it twice may drop the second. */
  readonly key: string
  readonly group: string
  readonly event: NotifyEvent | 'test'
  readonly severity: 'critical' | 'warning' | 'info'
  /** A line for a subject or a list. */
  readonly title: string
  /** One or two sentences: what is known, and what to run. */
  readonly text: string
  readonly at: string
  /** What it belongs to: `outage/east`, `operation/drill-1`. Later news of it has the same. */
  readonly incident: string
  /** The incident is over. */
  readonly over: boolean
}

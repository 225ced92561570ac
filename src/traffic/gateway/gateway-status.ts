import type { CounterView } from './counters.ts'
import type { PointerState } from './pointer-watch.ts'

/** `GET /_gateway/status`. Holds no key and no upstream address. */
export interface GatewayStatus {
  readonly name: string
  /** Where requests go; absent: no usable pointer was ever seen. */
  readonly active?: string
  readonly epoch?: number
  readonly group?: string
  /** What the last look at the pointer file found. */
  readonly pointer: PointerState
  readonly members: Readonly<Record<string, { readonly asideUntil?: string }>>
  readonly endpoints: Readonly<Record<string, CounterView>>
}

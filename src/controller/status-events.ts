import type { Status } from '../api/contract.ts'
import type { ControllerService } from './service.ts'

export interface StatusEvents {
  /** Something in the status may have changed; many calls at once make one event. */
  changed(): void
  stop(): Promise<void>
}

const atMostEveryMs = 250

/** Publishes the status when it changed, and not more often than eyes and networks can follow. */
export function statusEvents(
  service: Pick<ControllerService, 'status' | 'events'>,
  log: { warn(fields: object, message: string): void },
  onStatus: (status: Status) => Promise<void> = async () => undefined,
): StatusEvents {
  let timer: NodeJS.Timeout | undefined
  let publishing: Promise<void> = Promise.resolve()
  const publish = async () => {
    try {
      const data = await service.status()
      service.events.publish({ type: 'status', at: data.now, data })
      await onStatus(data)
    } catch (error) {
      // Readers ask again by themselves; the reason belongs into the log.
      log.warn({ err: error }, 'the status could not be published')
    }
  }
  return {
    changed: () => {
      timer ??= setTimeout(() => {
        // One after the other, or an older status could come after a newer one.
        publishing = publishing.then(() => {
          timer = undefined
          return publish()
        })
      }, atMostEveryMs)
    },
    stop: async () => {
      clearTimeout(timer)
      await publishing
    },
  }
}

import type { Contact } from '../detection/contact.ts'
import type { ContactStore } from '../detection/contact-store.ts'
import type { DetectionState } from '../detection/detector.ts'

export interface KeepContacts {
  /** After a round. While one is being written, the newest waits and those between are not needed. */
  write(): void
  /** Resolves when nothing is being written. */
  written(): Promise<void>
}

export function keepContacts(
  store: Pick<ContactStore, 'write'>,
  state: () => DetectionState,
  onError: (error: unknown) => void,
): KeepContacts {
  let writing: Promise<void> | undefined
  let isNewer = false
  const writeAll = async () => {
    while (isNewer) {
      isNewer = false
      await store.write(contactsIn(state())).catch(onError)
    }
    writing = undefined
  }
  return {
    write: () => {
      isNewer = true
      writing ??= writeAll()
    },
    written: async () => writing,
  }
}

function contactsIn({ members }: DetectionState): Record<string, Contact> {
  return Object.fromEntries(
    Object.entries(members).flatMap(([name, { contact }]) => (contact ? [[name, contact]] : [])),
  )
}

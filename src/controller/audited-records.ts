import type { DecisionStore } from '../detection/decision-store.ts'
import type { AuditNote } from '../evidence/audit-entry.ts'
import type { AuditLog } from '../evidence/audit-log.ts'
import { isObject } from '../model/field-path.ts'
import type { Json, JsonObject } from '../model/json.ts'
import type { Run, RunHeader } from '../runbook/journal.ts'
import { postgresEpochRegister } from '../runbook/postgres-epoch-register.ts'
import { postgresJournal } from '../runbook/postgres-journal.ts'
import type { RunEvent } from '../runbook/run-state.ts'
import type { Records } from '../runbooks/records.ts'

/** The actor of what no human asked for at that moment. */
export const ownActor = 'controller'

/** What each step found is in the journal and in the report. */
const ofSteps = new Set<string>(['step-began', 'step-intended', 'step-ended'])

/** Operations and epochs enter the audit log in the transaction that makes them true. */
export function auditedRecords(records: Records, audit: AuditLog): Records {
  return {
    ...records,
    journal: {
      ...records.journal,
      create: (header) =>
        audit.appendWith(async (database) => {
          const journal = postgresJournal(database)
          const known = await journal.read(header.id)
          await journal.create(header)
          return { result: undefined, note: known === undefined ? acceptedNote(header) : null }
        }),
      append: async (run, event) => {
        if (ofSteps.has(event.type)) return records.journal.append(run, event)
        await audit.appendWith(async (database) => {
          const journal = postgresJournal(database)
          const before = await journal.read(run)
          await journal.append(run, event)
          return { result: undefined, note: eventNote(run, before, event) }
        })
      },
    },
    epochs: {
      ...records.epochs,
      establish: (first) =>
        audit.appendWith(async (database) => {
          const epochs = postgresEpochRegister(database)
          const known = await epochs.current(first.group)
          const result = await epochs.establish(first)
          return { result, note: known === undefined ? epochNote('established', result) : null }
        }),
      begin: (group, change) =>
        audit.appendWith(async (database) => {
          const epochs = postgresEpochRegister(database)
          const before = await epochs.current(group)
          const result = await epochs.begin(group, change)
          const isNew = before?.epoch !== result.epoch
          return { result, note: isNew ? epochNote('begun', result) : null }
        }),
    },
  }
}

/** What detection led to; what humans said of it was noted when they asked. */
export function auditedDecisions(store: DecisionStore, audit: AuditLog): DecisionStore {
  return {
    ...store,
    log: async (entry) => {
      const { group, actor, action, rule, signal, result } = entry
      if (rule !== 'by-hand') {
        const details = { rule, signal, result }
        const what = { actor, group, action: `decision.${action}`, subject: result ?? group }
        await audit.append({ ...what, details })
      }
      await store.log(entry)
    },
  }
}

function acceptedNote({ id, group, runbook, input }: RunHeader): AuditNote {
  return {
    ...{ actor: askedBy(input) ?? ownActor, group, action: 'operation.accepted', subject: id },
    details: { type: runbook, input },
  }
}

function askedBy(input: Json): string | undefined {
  const by = isObject(input) ? input.by : undefined
  return typeof by === 'string' ? by : undefined
}

function eventNote(run: string, before: Run | undefined, event: RunEvent): AuditNote {
  const { type, at: _at, ...details } = event
  const actor = 'by' in event && typeof event.by === 'string' ? event.by : ownActor
  const goesOn = before !== undefined && /^(running|waiting|paused)$/.test(before.state.status)
  // A try is begun once, however many processes it takes.
  const what = type === 'begun' && goesOn ? 'resumed' : type
  return {
    ...{ actor, group: before?.header.group ?? '', action: `operation.${what}`, subject: run },
    details: details as unknown as JsonObject,
  }
}

function epochNote(
  what: 'established' | 'begun',
  epoch: Awaited<ReturnType<Records['epochs']['establish']>>,
): AuditNote {
  const { group, primary, previous, begunBy } = epoch
  return {
    ...{ actor: ownActor, group, action: `epoch.${what}`, subject: String(epoch.epoch) },
    details: { primary, previous, by: begunBy },
  }
}

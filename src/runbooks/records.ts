import { type JobStore, memoryJobStore } from '../jobs/job-store.ts'
import { jobMigrations, postgresJobStore } from '../jobs/postgres-job-store.ts'
import type { BatchBoard } from '../replication/batch-board.ts'
import type { DefinitionStore } from '../replication/definitions.ts'
import type { Ledger } from '../replication/ledger.ts'
import { memoryBatchBoard } from '../replication/memory-batch-board.ts'
import { memoryDefinitions } from '../replication/memory-definitions.ts'
import { memoryLedger } from '../replication/memory-ledger.ts'
import { memoryResolutions } from '../replication/memory-resolutions.ts'
import { memoryRunLinks } from '../replication/memory-run-links.ts'
import {
  batchBoardMigrations,
  type PostgresBoardOptions,
  postgresBatchBoard,
} from '../replication/postgres-batch-board.ts'
import { definitionMigrations, postgresDefinitions } from '../replication/postgres-definitions.ts'
import { ledgerMigrations, postgresLedger } from '../replication/postgres-ledger.ts'
import { postgresResolutions, resolutionMigrations } from '../replication/postgres-resolutions.ts'
import { postgresRunLinks, runLinkMigrations } from '../replication/postgres-run-links.ts'
import type { ResolutionStore } from '../replication/resolutions.ts'
import { type EpochRegister, memoryEpochRegister } from '../runbook/epoch-register.ts'
import { leaseMigrations } from '../runbook/executor-leases.ts'
import { type Journal, memoryJournal } from '../runbook/journal.ts'
import { epochMigrations, postgresEpochRegister } from '../runbook/postgres-epoch-register.ts'
import { journalMigrations, postgresJournal } from '../runbook/postgres-journal.ts'
import type { Database } from '../store/database.ts'
import type { RunLinks } from '../workspace/run-links.ts'
import type { ProtectionRegister } from './ports.ts'
import {
  memoryProtectionRegister,
  postgresProtectionRegister,
  protectionMigrations,
} from './protection-register.ts'
import {
  memoryReportStore,
  postgresReportStore,
  type ReportStore,
  reportMigrations,
} from './report-store.ts'

/** What the controller knows: survives its processes, in memory or in PostgreSQL. */
export interface Records {
  readonly journal: Journal
  readonly epochs: EpochRegister
  readonly jobs: JobStore
  readonly reports: ReportStore
  readonly protection: ProtectionRegister
  readonly ledger: Ledger
  readonly definitions: DefinitionStore
  readonly runLinks: RunLinks
  readonly resolutions: ResolutionStore
  readonly batches: BatchBoard
}

export function memoryRecords(): Records {
  return {
    journal: memoryJournal(),
    epochs: memoryEpochRegister(),
    jobs: memoryJobStore(),
    reports: memoryReportStore(),
    protection: memoryProtectionRegister(),
    ledger: memoryLedger(),
    definitions: memoryDefinitions(),
    runLinks: memoryRunLinks(),
    resolutions: memoryResolutions(),
    batches: memoryBatchBoard(),
  }
}

export const recordMigrations = [
  ...leaseMigrations,
  ...journalMigrations,
  ...epochMigrations,
  ...jobMigrations,
  ...reportMigrations,
  ...protectionMigrations,
  ...ledgerMigrations,
  ...definitionMigrations,
  ...runLinkMigrations,
  ...resolutionMigrations,
  ...batchBoardMigrations,
]

export function postgresRecords(database: Database, board: PostgresBoardOptions = {}): Records {
  return {
    journal: postgresJournal(database),
    epochs: postgresEpochRegister(database),
    jobs: postgresJobStore(database),
    reports: postgresReportStore(database),
    protection: postgresProtectionRegister(database),
    ledger: postgresLedger(database),
    definitions: postgresDefinitions(database),
    runLinks: postgresRunLinks(database),
    resolutions: postgresResolutions(database),
    batches: postgresBatchBoard(database, board),
  }
}

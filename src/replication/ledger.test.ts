import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { type Database, migrate, openDatabase } from '../store/database.ts'
import { memoryDefinitions } from './memory-definitions.ts'
import { memoryLedger } from './memory-ledger.ts'
import { memoryResolutions } from './memory-resolutions.ts'
import { memoryRunLinks } from './memory-run-links.ts'
import { definitionMigrations, postgresDefinitions } from './postgres-definitions.ts'
import { ledgerMigrations, postgresLedger } from './postgres-ledger.ts'
import { postgresResolutions, resolutionMigrations } from './postgres-resolutions.ts'
import { postgresRunLinks, runLinkMigrations } from './postgres-run-links.ts'
import { describeDefinitionsContract } from './testing/definitions-contract.ts'
import { describeLedgerContract } from './testing/ledger-contract.ts'
import { describeResolutionsContract } from './testing/resolutions-contract.ts'
import { describeRunLinksContract } from './testing/run-links-contract.ts'

const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-ledger-'))
let database: Database
beforeAll(async () => {
  database = await openDatabase({ stateDir })
  await migrate(database, [
    ...ledgerMigrations,
    ...definitionMigrations,
    ...runLinkMigrations,
    ...resolutionMigrations,
  ])
})
afterAll(async () => {
  await database.close()
  rmSync(stateDir, { recursive: true, force: true })
})

const memory = memoryLedger()
describeLedgerContract('memory', () => memory)
describeLedgerContract('postgres', () => postgresLedger(database))

const definitions = memoryDefinitions()
describeDefinitionsContract('memory', () => definitions)
describeDefinitionsContract('postgres', () => postgresDefinitions(database))

const links = memoryRunLinks()
describeRunLinksContract('memory', () => links)
describeRunLinksContract('postgres', () => postgresRunLinks(database))

const resolutions = memoryResolutions()
describeResolutionsContract('memory', () => resolutions)
describeResolutionsContract('postgres', () => postgresResolutions(database))

import { dbosEngine } from '../../runbook/dbos-engine.ts'
import { createRunner, runbookProcedures } from '../../runbook/runner.ts'
import { openDatabase } from '../../store/database.ts'
import { postgresRecords } from '../records.ts'
import { clock } from './regions.ts'
import { remoteReach } from './remote.ts'
import { bindings } from './worlds.ts'

/** A controller to kill: `<database url> <group> <runbook> <run id> <executor id>`. */
const [, , url = '', group = '', runbook = '', id = '', executorId = ''] = process.argv
const database = await openDatabase({ url })
const records = postgresRecords(database)
const bound = bindings(records, remoteReach(), { journal: records.journal, now: clock })
const engine = dbosEngine({ url, executorId, procedures: runbookProcedures(bound) })
const runner = createRunner({ engine, journal: records.journal, now: clock, bindings: bound })
await engine.start()
await runner.start({ id, runbook, group, input: { expectedEpoch: 1 } })
const { state } = await runner.ended(id)
await runner.stop()
await database.close()
process.exitCode = state.status === 'done' ? 0 : 1
process.disconnect()

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, migrate, openDatabase } from '../store/database.ts'
import { type EpochRegister, memoryEpochRegister } from './epoch-register.ts'
import { epochMigrations, postgresEpochRegister } from './postgres-epoch-register.ts'

const at = '2026-01-01T00:00:00.000Z'
const folder = mkdtempSync(join(tmpdir(), 'holdfast-epoch-'))
let database: Database
beforeAll(async () => {
  database = await openDatabase({ stateDir: folder })
  await migrate(database, epochMigrations)
})
afterAll(async () => {
  await database.close()
  rmSync(folder, { recursive: true })
})

const adapters: [string, () => EpochRegister][] = [
  ['memory', memoryEpochRegister],
  ['postgres', () => postgresEpochRegister(database)],
]
describe.each(adapters)('epoch register in %s', (_name, create) => {
  let register: EpochRegister
  beforeAll(() => {
    register = create()
  })
  const raise = (group: string, by: string, expected = 1, from = 'east', to = 'west') =>
    register.begin(group, { from, to, expected, by, at })

  it('lets exactly one of many concurrent failovers win (I1)', async () => {
    await register.establish({ group: 'race', primary: 'east', at })
    const tries = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => raise('race', `run-${i}`)),
    )
    const won = tries.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    const lost = tries.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
    expect(won).toHaveLength(1)
    expect(won[0]).toMatchObject({ epoch: 2, primary: 'west', previous: 'east' })
    expect(new Set(lost.map((error) => error.code))).toEqual(new Set(['epoch.stale']))
    expect(await register.current('race')).toEqual(won[0])
    expect(await register.history('race')).toHaveLength(2)
  })

  it('answers the same to a run that repeats its beginning (I2)', async () => {
    await register.establish({ group: 'again', primary: 'east', at })
    const first = await raise('again', 'run')
    expect(await raise('again', 'run')).toEqual(first)
    await expect(raise('again', 'other')).rejects.toMatchObject({ code: 'epoch.stale' })
  })

  it('refuses a run that was overtaken, even when it won before', async () => {
    await register.establish({ group: 'overtaken', primary: 'east', at })
    await raise('overtaken', 'there')
    await raise('overtaken', 'back', 2, 'west', 'east')
    await expect(raise('overtaken', 'there')).rejects.toMatchObject({ code: 'epoch.stale' })
  })

  it('refuses a change from a member that is not the primary', async () => {
    await register.establish({ group: 'from', primary: 'east', at })
    await expect(raise('from', 'run', 1, 'west', 'east')).rejects.toMatchObject({
      code: 'epoch.stale',
    })
  })

  it('keeps the first epoch, and takes a higher one from markers that outlived it (I10)', async () => {
    const first = await register.establish({ group: 'first', primary: 'west', at, epoch: 7 })
    expect(first).toMatchObject({ epoch: 7, primary: 'west', begunBy: null })
    expect(await register.establish({ group: 'first', primary: 'east', at })).toEqual(first)
    expect(await register.current('nobody')).toBeUndefined()
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { migrate, openDatabase } from '../store/database.ts'
import type { ProbeResult } from '../workspace/workspace.ts'
import { type Contact, contactAfter, silenceText } from './contact.ts'
import { contactMigrations, postgresContactStore } from './contact-store.ts'

const time = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString()
const probe = (seconds: number, result: Partial<ProbeResult>): ProbeResult => ({
  ...{ plane: 'arm', healthy: false, latencyMs: 2000, at: time(seconds) },
  ...result,
})
/** `+` an answer, `r` a refusal, `-` silence, `.` nobody asks; five seconds each. */
function heard(rounds: string, before?: Contact, from = 0): Contact | undefined {
  let contact = before
  ;[...rounds].forEach((round, index) => {
    if (round === '.') return
    const result = { healthy: round === '+', ...(round === 'r' && ({ refused: true } as const)) }
    contact = contactAfter(contact, [probe(from + 5 * index, result)])
  })
  return contact
}

describe('since when a member is silent', () => {
  it('counts from the sending of the first probe without an answer, not from the third', () => {
    const contact = heard('++---') as Contact
    expect(contact).toMatchObject({
      answeredAt: time(5),
      silentSince: time(10),
      rounds: 3,
      whole: true,
    })
    expect(silenceText(contact)).toBe(`3 times in a row since ${time(10)}`)
  })

  it('begins anew behind any answer, a refusal included', () => {
    expect(heard('+--r-')).toMatchObject({ answeredAt: time(15), silentSince: time(20), rounds: 1 })
    expect(heard('+--+')).toMatchObject({ silentSince: null, rounds: 0 })
  })

  it('goes on over a short time in which nobody asked, as over a restart', () => {
    const before = heard('+--')
    const after = heard('--', before, 30) as Contact
    expect(after).toMatchObject({ silentSince: time(5), rounds: 4, whole: true })
  })

  it('claims no more than "at least" when nobody asked for longer (I8)', () => {
    const after = heard('--', heard('+--'), 300) as Contact
    expect(after).toMatchObject({
      answeredAt: time(0),
      silentSince: time(300),
      rounds: 2,
      whole: false,
    })
    expect(silenceText(after)).toBe(
      `2 times in a row, at least since ${time(300)}; its last known answer was ${time(0)}`,
    )
    expect(silenceText(heard('-') as Contact)).toContain('no answer is known')
  })
})

it('keeps what a place has heard, and no older round over a newer one', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-contact-'))
  const database = await openDatabase({ stateDir })
  try {
    await migrate(database, contactMigrations)
    const store = postgresContactStore(database, { group: 'g', observer: 'here' })
    const [older, newer] = [heard('+-') as Contact, heard('+---') as Contact]
    await store.write({ east: newer, west: heard('+') as Contact })
    await store.write({ east: older })
    expect(await store.read()).toEqual({ east: newer, west: heard('+') })
    const other = postgresContactStore(database, { group: 'g', observer: 'elsewhere' })
    expect(await other.read()).toEqual({})
  } finally {
    await database.close()
    rmSync(stateDir, { recursive: true })
  }
}, 60_000)

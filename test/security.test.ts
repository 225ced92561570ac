import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Attack, checkRefusal } from './security/attack.ts'
import { bodyAttacks } from './security/body-attacks.ts'
import { headerAttacks } from './security/header-attacks.ts'
import { nameAttacks } from './security/name-attacks.ts'
import { goodStorageRequests, storageAttacks } from './security/storage-attacks.ts'
import { tokenAttacks } from './security/token-attacks.ts'
import { type OpenWorld, openWorld } from './security/world.ts'

/** Everything that was tried against a local region, each refused and without effect. */
let world: OpenWorld
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.stop())

const tables: Record<string, readonly Attack[]> = {
  'tokens that are not good': tokenAttacks,
  'names that lead elsewhere': nameAttacks,
  'bodies that are too large or malformed': bodyAttacks,
  'signatures and keys that were tampered with': storageAttacks,
  'requests that can be read in two ways': headerAttacks,
}

for (const [title, attacks] of Object.entries(tables))
  describe(`${title}, refused and without effect`, () => {
    it.each(attacks.map((attack) => [attack.name, attack] as const))(
      '%s',
      async (_name, attack) => {
        const before = world.fingerprint()
        const answer = await attack.send(world)
        checkRefusal(answer, attack)
        expect(world.fingerprint()).toBe(before)
      },
    )
  })

describe('the same requests, untampered', () => {
  it.each(goodStorageRequests)('%s works', async (_name, send) => {
    expect((await send(world)).status).toBeLessThan(300)
  })
  it('and a write is seen as an effect', async () => {
    const before = world.fingerprint()
    await world.call('PUT', `${world.workspaceId}/models/m1`, { body: { properties: {} } })
    expect(world.fingerprint()).not.toBe(before)
  })
})

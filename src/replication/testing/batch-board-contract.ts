import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type BatchBoard, type BatchWork, claimKey, type PassTerms } from '../batch-board.ts'
import { scene } from './worlds.ts'

export const blobsNamed = (...names: string[]): BatchWork => ({ of: 'blobs', store: 's', names })

export function termsOf(group: string): PassTerms {
  const { plan } = scene().context
  return { group, plan, source: 'east', target: 'west', epoch: 3, full: true }
}

/** One suite that every board passes. */
export function describeBatchBoardContract(name: string, board: () => BatchBoard): void {
  const open = () => board().open(termsOf(randomUUID()))

  describe(`batch board contract: ${name}`, () => {
    it('gives each batch to one, the oldest first, and its terms to whoever asks', async () => {
      const pass = await open()
      await board().put(pass, 1, blobsNamed('a'))
      await board().put(pass, 2, blobsNamed('b', '\u{1f680}'))
      const one = await board().claim('one', pass)
      expect(one).toEqual({ pass, number: 1, by: 'one', attempt: 1, work: blobsNamed('a') })
      const other = await board().claim('other', pass)
      expect(other).toMatchObject({ number: 2, work: blobsNamed('b', '\u{1f680}') })
      expect(await board().claim('other', pass)).toBeUndefined()
      expect(await board().terms(pass)).toMatchObject({ epoch: 3, full: true, source: 'east' })
    })

    it('hands over what was settled, once', async () => {
      const pass = await open()
      await board().put(pass, 7, blobsNamed('a'))
      const claim = await board().claim('one', pass)
      if (claim === undefined) throw new Error('nothing to claim')
      expect(await board().take(pass)).toEqual([])
      const result = { late: [{ runId: 'r', experimentName: 'e' }] }
      expect(await board().settle(claim, result)).toBe(true)
      expect(await board().take(pass)).toEqual([{ number: 7, result }])
      expect(await board().take(pass)).toEqual([])
      expect(await board().claim('one', pass)).toBeUndefined()
    })

    it('gives back what was released, and takes nothing from who lost it', async () => {
      const me = randomUUID()
      const pass = await open()
      await board().put(pass, 1, blobsNamed('a'))
      const lost = await board().claim(me, pass)
      if (lost === undefined) throw new Error('nothing to claim')
      await board().release(lost)
      const again = await board().claim(me, pass)
      if (again === undefined) throw new Error('nothing to claim')
      expect(again.attempt).toBe(2)
      expect(await board().settle(lost, { late: [] })).toBe(false)
      const { standing, isOver } = await board().beat(me, { coordinates: pass })
      expect(standing).toEqual(new Set([claimKey(again)]))
      expect(isOver).toBe(false)
      expect(await board().settle(again, { late: [] })).toBe(true)
    })

    it('has nothing of a pass that is closed', async () => {
      const me = randomUUID()
      const pass = await open()
      await board().put(pass, 1, blobsNamed('a'))
      const held = await board().claim(me, pass)
      await board().put(pass, 2, blobsNamed('b'))
      await board().close(pass)
      expect(held).toBeDefined()
      expect(await board().claim(me, pass)).toBeUndefined()
      expect(await board().terms(pass)).toBeUndefined()
      expect(await board().beat(me, { coordinates: pass })).toMatchObject({
        ...{ standing: new Set(), isOver: true },
      })
    })
  })
}

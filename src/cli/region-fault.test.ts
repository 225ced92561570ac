import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { isHoldfastError } from '../model/errors.ts'
import { startTestRegion, type TestRegion } from '../region/testing/test-region.ts'
import { regionFaultCommand } from './commands/region-fault.ts'

let region: TestRegion
beforeAll(async () => {
  region = await startTestRegion()
})
afterAll(() => region.stop())

/** Runs `holdfast region fault …` and reads the JSON it prints. */
async function fault(...words: string[]): Promise<unknown> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  try {
    const argv = [...words, '--data', region.dataDir, '--json']
    await regionFaultCommand().parseAsync(argv, { from: 'user' })
    return JSON.parse(write.mock.calls.map(([text]) => String(text)).join('')) as unknown
  } finally {
    write.mockRestore()
  }
}

it('begins, lists and ends the faults of a running region', async () => {
  const options = ['--service', 'arm', '--for', '10m', '--retry-after', '7']
  const added = await fault('add', 'throttle', ...options)
  expect(added).toMatchObject({ kind: 'throttle', scope: { service: 'arm' }, retryAfterSeconds: 7 })
  const refused = await region.call('GET', '/subscriptions')
  expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '7' } })
  expect(await fault('list')).toEqual([added])
  await fault('lift', (added as { id: string }).id)
  expect((await region.call('GET', '/subscriptions')).status).toBe(200)
})

it('says what a fault lacks', async () => {
  const error = await fault('add', 'slow').catch((caught: unknown) => caught)
  expect(isHoldfastError(error) && error.code).toBe('region.refused')
})

import { expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import { probeResultOf } from './probe-result.ts'

const ask = (code: string) =>
  probeResultOf(
    'arm',
    () => new Date(0),
    () => Promise.reject(new HoldfastError(code, 'no')),
  )

it.each(['workspace.throttled', 'workspace.forbidden', 'workspace.sign-in-failed'])(
  'tells a refusal from silence: %s',
  async (code) => {
    expect(await ask(code)).toMatchObject({ healthy: false, refused: true })
  },
)

it.each(['workspace.unreachable', 'workspace.unavailable', 'workspace.not-found'])(
  'does not take for a refusal: %s',
  async (code) => {
    const result = await ask(code)
    expect(result).toMatchObject({ healthy: false, reason: `${code}: no` })
    expect(result.refused).toBeUndefined()
  },
)

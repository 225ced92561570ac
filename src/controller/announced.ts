import type { Runner } from '../runbook/runner.ts'

/** From the first operation on, other commands of the state directory are led here. */
export function announced(runner: Runner, announce: () => Promise<void>): Runner {
  return {
    ...runner,
    ready: async () => {
      await runner.ready()
      await announce()
    },
    goOn: async (id) => {
      await announce()
      await runner.goOn(id)
    },
  }
}

import { afterEach, describe, expect, it } from 'vitest'
import { HoldfastError } from '../model/errors.ts'
import type { RunEvent } from '../runbook/run-state.ts'
import { memoryStableEndpoint } from '../runbooks/testing/regions.ts'
import type { StableEndpoint } from '../traffic/stable-endpoint.ts'
import { type EndpointFollower, followEpochs } from './endpoint-follower.ts'
import { memoryGroup } from './testing/memory-group.ts'

const at = '2026-01-01T12:00:00.000Z'
const run = 'failover-g-e2'
const steps = ['raise-epoch', 'switch-traffic', 'move-configuration'].map((id) => ({
  ...{ id, title: id, skippable: true },
}))

const running: EndpointFollower[] = []
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop()
})

/** A controller beside which two endpoints stand; another one leads the move. */
async function scene(changed: Partial<StableEndpoint> = {}, start = { member: 'east', epoch: 1 }) {
  const { group } = await memoryGroup(() => new Date())
  const { journal, epochs } = group.records
  const gateway = { ...memoryStableEndpoint('gateway', start), ...changed }
  const config = memoryStableEndpoint('config.json', { member: 'east', epoch: 1 })
  const elsewhere = memoryStableEndpoint('front door', { member: 'east', epoch: 1 })
  let here = false
  const endpoints = {
    ...{ gateways: [], traffic: [elsewhere, gateway], configuration: [config] },
    here: [gateway, config],
  }
  const log: string[] = []
  const note = (_facts: object, sentence: string) => log.push(sentence)
  const follower = followEpochs(
    { ...group, endpoints, log: { info: note, warn: note } },
    { runner: { isUnderWay: () => here }, onChange: () => undefined, everyMs: 5 },
  )
  running.push(follower)
  return {
    ...{ follower, gateway, config, elsewhere, log },
    begin: async (...events: RunEvent[]) => {
      const header = { id: run, runbook: 'failover', group: 'g', input: {}, steps, acceptedAt: at }
      await journal.create(header)
      await epochs.begin('g', { from: 'east', to: 'west', expected: 1, by: run, at })
      for (const event of [{ type: 'begun', at } as const, ...events])
        await journal.append(run, event)
    },
    append: (event: RunEvent) => journal.append(run, event),
    performHere: (value: boolean) => {
      here = value
    },
    /** Until the register has been looked at a few times more. */
    looks: async (least = 3) => {
      const { current } = epochs
      let seen = 0
      epochs.current = (name) => {
        seen += 1
        return current(name)
      }
      await expect.poll(() => seen, { timeout: 20_000 }).toBeGreaterThan(least)
    },
  }
}

const began = (step: string): RunEvent => ({ type: 'step-began', step, at })
const ended = (step: string, result: 'done' | 'skipped' = 'done'): RunEvent => ({
  ...{ type: 'step-ended', step, result, detail: '', at },
})
const led = (endpoint: StableEndpoint) =>
  expect.poll(() => endpoint.current(), { timeout: 20_000 }).toEqual({ member: 'west', epoch: 2 })
const first = { member: 'east', epoch: 1 }

describe('endpoints beside a controller that does not lead the move', () => {
  it('follow when the move comes to leading them over, each kind at its step', async () => {
    const one = await scene()
    await one.begin(began('raise-epoch'))
    await one.looks()
    expect(await one.gateway.current()).toEqual(first)
    await one.append(ended('raise-epoch'))
    await one.append(began('switch-traffic'))
    await led(one.gateway)
    expect(await one.config.current()).toEqual(first)
    await one.append(ended('switch-traffic'))
    await one.append(began('move-configuration'))
    await led(one.config)
    await one.looks()
    expect(one.log).toEqual(['it follows', 'it follows'])
    // What any controller can lead is led by the one whose move it is.
    expect(await one.elsewhere.current()).toEqual(first)
  })

  it('are left to the step of a move that is performed here', async () => {
    const one = await scene()
    one.performHere(true)
    await one.begin(began('switch-traffic'))
    await one.looks()
    expect(await one.gateway.current()).toEqual(first)
    one.performHere(false)
    await led(one.gateway)
  })

  it('are not led over where an operator left that out, or nobody has repeated what failed before', async () => {
    const one = await scene()
    await one.begin(ended('switch-traffic', 'skipped'), began('move-configuration'))
    await led(one.config)
    await one.append(ended('move-configuration'))
    await one.append({ type: 'finished', outcome: 'partial', at })
    await one.looks()
    expect(await one.gateway.current()).toEqual(first)

    const other = await scene()
    const error = { code: 'x', message: 'no', kind: 'permanent', hint: null } as const
    await other.begin(began('raise-epoch'), { type: 'failed', error, at })
    await other.looks()
    expect(await other.gateway.current()).toEqual(first)
    await other.append({ type: 'begun', at })
    await other.append(began('switch-traffic'))
    await led(other.gateway)
  })

  it('never go back an epoch (I1)', async () => {
    const newer = { member: 'east', epoch: 3 }
    const one = await scene({}, newer)
    await one.begin(began('switch-traffic'), ended('switch-traffic'), began('move-configuration'))
    await led(one.config)
    expect(await one.gateway.current()).toEqual(newer)
    expect(one.follower.findings()).toEqual([])
  })

  it('say why they do not follow, once, until they do', async () => {
    let isBroken = true
    const one = await scene({
      verify: async () => {
        if (isBroken) throw new HoldfastError('traffic.not-switched', 'nobody answers there.')
      },
    })
    await one.begin(began('switch-traffic'))
    await expect
      .poll(() => one.follower.findings(), { timeout: 20_000 })
      .toMatchObject([{ rule: 'endpoint-behind', evidence: ['nobody answers there.'] }])
    await one.looks(20)
    expect(one.log).toEqual(['it does not follow: nobody answers there.'])
    isBroken = false
    await expect.poll(() => one.follower.findings(), { timeout: 20_000 }).toEqual([])
    expect(await one.gateway.current()).toEqual({ member: 'west', epoch: 2 })
  })
})

import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { describeEndpointContract } from '../testing/endpoint-contract.ts'
import { clearBenches, placeOf, startBench, until } from '../testing/gateway-bench.ts'

afterEach(clearBenches)

describeEndpointContract('gateway', async () => {
  const { endpoint, another, gateway, pointerFile, call } = await startBench()
  return {
    endpoint,
    another,
    async leadsTo() {
      const { epoch } = await endpoint.current().then((pointer) => pointer ?? { epoch: 0 })
      await until(() => gateway.status().epoch === epoch)
      const { text, headers } = await call('GET', '/endpoints/hot/score')
      expect(headers['x-holdfast-member']).toBe(text)
      return { member: text, epoch: Number(headers['x-holdfast-epoch']) }
    },
    mark: async () => readFileSync(pointerFile, 'utf8'),
    async tamper() {
      const pointer = JSON.parse(readFileSync(pointerFile, 'utf8'))
      const north = { ...pointer.members.east }
      const members = { ...pointer.members, north }
      writeFileSync(pointerFile, JSON.stringify({ ...pointer, members, active: 'north' }))
    },
  }
})

describe('the pointer file', () => {
  it('is never followed back to an older epoch, nor to another member in one epoch (I1)', async () => {
    const { switchTo, call, endpoint, pointerFile, gateway } = await startBench()
    await switchTo('east', 5)
    const east = { place: placeOf('east', { origin: 'http://localhost' }) }
    for (const pointer of [
      { member: 'east', epoch: 4 },
      { member: 'west', epoch: 5 },
    ]) {
      await expect(endpoint.switchTo(pointer, east)).rejects.toMatchObject({ code: 'epoch.stale' })
    }
    for (const [active, epoch] of [
      ['west', 4],
      ['west', 5],
    ] as const) {
      const stale = { ...JSON.parse(readFileSync(pointerFile, 'utf8')), active, epoch }
      writeFileSync(pointerFile, JSON.stringify(stale))
      await until(() => gateway.status().pointer.state === 'refused')
      expect((await call('GET', '/endpoints/hot/score')).text).toBe('east')
    }
    await expect(endpoint.verify({ member: 'west', epoch: 5 })).rejects.toMatchObject({
      code: 'traffic.not-switched',
    })
  })

  it('may be broken or gone: the last known answer is kept', async () => {
    const { switchTo, call, pointerFile, gateway, endpoint } = await startBench()
    await switchTo('east', 1)
    writeFileSync(pointerFile, '{"version":1,')
    await until(() => gateway.status().pointer.state === 'unreadable')
    expect((await call('GET', '/endpoints/hot/score')).text).toBe('east')
    await expect(endpoint.current()).rejects.toMatchObject({ code: 'traffic.pointer-unreadable' })
    rmSync(pointerFile)
    await until(() => gateway.status().pointer.state === 'absent')
    expect((await call('GET', '/endpoints/hot/score')).text).toBe('east')
    await switchTo('west', 2)
    expect((await call('GET', '/endpoints/hot/score')).text).toBe('west')
  })

  it('is for its owner only, and the status shows no key', async () => {
    const { switchTo, pointerFile, call, gateway } = await startBench()
    await switchTo('east', 1)
    await call('GET', '/endpoints/hot/score')
    expect(statSync(pointerFile).mode & 0o777).toBe(0o600)
    const status = await call('GET', '/_gateway/status')
    expect(JSON.parse(status.text)).toMatchObject({
      name: 'scoring',
      active: 'east',
      epoch: 1,
      pointer: { state: 'current' },
      endpoints: { hot: { requests: 1, failed: 0, lastAnswerFrom: 'east' } },
    })
    expect(status.text + JSON.stringify(gateway.status())).not.toContain('key')
  })

  it('is not followed while a CA it names cannot be read', async () => {
    const { switchTo, call, pointerFile, gateway } = await startBench()
    await switchTo('east', 1)
    const next = JSON.parse(readFileSync(pointerFile, 'utf8'))
    next.members.west.caPath = 'west-ca.pem'
    writeFileSync(pointerFile, JSON.stringify({ ...next, active: 'west', epoch: 2 }))
    await until(() => gateway.status().pointer.state === 'unreadable')
    expect((await call('GET', '/endpoints/hot/score')).text).toBe('east')
    writeFileSync(join(pointerFile, '..', 'west-ca.pem'), '')
    await until(() => gateway.status().active === 'west')
  })
})

describe('the driver', () => {
  it('is idempotent, and tells where it leads', async () => {
    const { switchTo, endpoint, pointerFile } = await startBench()
    expect(await endpoint.current()).toBeUndefined()
    await switchTo('east', 1)
    const before = statSync(pointerFile).mtimeMs
    await switchTo('east', 1)
    expect(statSync(pointerFile).mtimeMs).toBe(before)
    expect(await endpoint.current()).toEqual({ member: 'east', epoch: 1 })
  })

  it('keeps endpoints that do not match out of the file', async () => {
    const { switchTo, call } = await startBench({ match: 'h*' })
    await switchTo('east', 1)
    expect((await call('GET', '/endpoints/hot/score')).status).toBe(200)
    expect((await call('GET', '/endpoints/warm/score')).status).toBe(404)
  })

  it('does not call a switch done while no gateway follows', async () => {
    const { switchTo, gateway, endpoint } = await startBench({ followMs: 100 })
    await switchTo('east', 1)
    await gateway.stop()
    await expect(endpoint.verify({ member: 'east', epoch: 1 })).rejects.toMatchObject({
      code: 'traffic.not-switched',
    })
  })
})

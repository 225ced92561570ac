import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Agent, request } from 'undici'
import { callerHeaders, type Programs, pinned } from './gateway-proxies.ts'

export interface Saturated {
  readonly requests: number
  readonly seconds: number
  readonly errors: number
}

const script = `done = function(summary)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d\\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout))
end
`

/** As many requests as come through, over 50 kept-open connections. */
export async function saturate(
  { wrk }: Programs,
  dir: string,
  url: string,
  seconds: number,
): Promise<Saturated> {
  const lua = join(dir, 'report.lua')
  writeFileSync(lua, script)
  const [program = '', ...args] = pinned('other', [
    wrk,
    '-t1',
    '-c50',
    `-d${seconds}s`,
    '-s',
    lua,
    ...Object.entries(callerHeaders).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    url,
  ])
  const { stdout } = await promisify(execFile)(program, args)
  const [, requests, micros, errors] = /RESULT (\d+) (\d+) (\d+)/.exec(stdout) ?? []
  return { requests: Number(requests), seconds: Number(micros) / 1e6, errors: Number(errors) }
}

/**
 * Sends at a fixed pace, to one address after the other, so that a machine that stands still is
 * charged to all of them alike. Milliseconds for each address.
 */
export async function paced(
  urls: readonly string[],
  perSecond: number,
  seconds: number,
): Promise<readonly number[][]> {
  const agent = new Agent({ connections: 64, pipelining: 1 })
  const times: number[][] = urls.map(() => [])
  const send = async (which: number) => {
    const url = urls[which] ?? ''
    const sentAt = performance.now()
    const { statusCode, body } = await request(url, { dispatcher: agent, headers: callerHeaders })
    await body.dump()
    if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}`)
    times[which]?.push(performance.now() - sentAt)
  }
  const sent: Promise<void>[] = []
  const start = performance.now()
  const total = perSecond * urls.length * seconds
  for (let i = 0; i < total; i++) {
    const wait = start + (i * 1000) / (perSecond * urls.length) - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    sent.push(send(i % urls.length))
  }
  await Promise.all(sent)
  await agent.destroy()
  return times
}

export interface Lost {
  readonly asked: number
  readonly lost: number
  /** The longest time without a good answer, in milliseconds. */
  readonly gapMs: number
}

/** Idempotent requests that got no good answer while `change` happened and for a second after. */
export async function lostDuring(url: string, change: () => Promise<void>): Promise<Lost> {
  const agent = new Agent({ connections: 16, pipelining: 1 })
  let isOver = false
  let asked = 0
  let lost = 0
  let gapMs = 0
  let last = performance.now()
  const caller = async () => {
    while (!isOver) {
      asked += 1
      const isGood = await request(url, { dispatcher: agent, headers: callerHeaders }).then(
        async ({ statusCode, body }) => {
          await body.dump()
          return statusCode === 200
        },
        () => false,
      )
      if (!isGood) lost += 1
      else {
        gapMs = Math.max(gapMs, performance.now() - last)
        last = performance.now()
      }
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  const callers = Array.from({ length: 16 }, caller)
  await new Promise((resolve) => setTimeout(resolve, 500))
  await change()
  await new Promise((resolve) => setTimeout(resolve, 1000))
  isOver = true
  await Promise.all(callers)
  await agent.destroy()
  return { asked, lost, gapMs }
}

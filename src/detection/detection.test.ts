import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Plane, ProbeResult } from '../workspace/workspace.ts'
import { type DetectionState, observe, startOfDetection } from './detector.ts'
import { probeUntilStopped } from './prober.ts'
import { judge } from './verdict.ts'

const planes: Plane[] = ['arm', 'history', 'blob']
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second))

/** `+` all planes answer, `-` none does, `r` all refuse, `a` only ARM is silent, `d` only the data planes are. */
function round(mark: string, second: number): ProbeResult[] {
  const healthy = (plane: Plane) =>
    mark === '+' || (mark === 'a' && plane !== 'arm') || (mark === 'd' && plane === 'arm')
  return planes.map((plane) => ({
    plane,
    healthy: healthy(plane),
    latencyMs: 1,
    at: at(second).toISOString(),
    ...(healthy(plane) ? {} : { reason: 'ECONNREFUSED' }),
    ...(mark === 'r' && { refused: true as const }),
  }))
}

function replay(traces: Readonly<Record<string, string>>): DetectionState {
  const length = Math.max(...Object.values(traces).map((trace) => trace.length))
  let state = startOfDetection(Object.keys(traces), at(0))
  for (let second = 0; second < length; second++) {
    const marks = Object.entries(traces).map(([name, trace]) => [name, trace[second]] as const)
    const results = marks.filter(([, mark]) => mark !== undefined && mark !== ' ')
    state = observe(
      state,
      Object.fromEntries(results.map(([name, mark]) => [name, round(mark ?? '', second)])),
      at(second),
    )
  }
  return state
}

describe('health of a member', () => {
  const table: Array<[string, string]> = [
    ['', 'unknown'],
    ['+', 'healthy'],
    ['-', 'unknown'],
    ['--', 'unknown'],
    ['---', 'unreachable'],
    ['+--', 'healthy'],
    ['+---', 'unreachable'],
    ['+--+--+--', 'healthy'],
    ['+---+', 'degraded'],
    ['+---+--', 'degraded'],
    ['+---+---', 'unreachable'],
    ['+---++', 'healthy'],
    ['+---+-+-+-', 'degraded'],
    ['+aaa', 'degraded'],
    ['+ddd', 'degraded'],
    ['+aaa++', 'healthy'],
    ['+aaa---', 'unreachable'],
    ['+---aa', 'degraded'],
    ['+rrr', 'degraded'],
    ['+rrrrr+', 'degraded'],
    ['+rr---', 'unreachable'],
    ['+---r', 'degraded'],
    ['+---r--', 'degraded'],
  ]
  it.each(table)('%s -> %s', (trace, health) => {
    expect(replay({ east: trace }).members.east?.health).toBe(health)
  })

  it('tells since when', () => {
    expect(replay({ east: '+----' }).members.east?.since).toBe(at(3).toISOString())
  })

  it('is never moved by fewer failures in a row than the threshold', () => {
    const calm = fc.array(fc.constantFrom('+', '-+', '--+'), { maxLength: 40 })
    fc.assert(
      fc.property(calm, (parts) => {
        expect(replay({ east: `+${parts.join('')}` }).members.east?.health).toBe('healthy')
      }),
    )
  })
})

describe('verdict', () => {
  const table: Array<[string, string, string, string]> = [
    ['', '', 'unknown', 'wait'],
    ['+', '+', 'all-well', 'none'],
    ['+---', '++++', 'primary-down', 'failover'],
    ['+---', '+---', 'cut-off', 'wait'],
    ['+---', '+aaa', 'primary-down', 'wait'],
    ['+---', '', 'primary-down', 'wait'],
    ['+ddd', '++++', 'primary-degraded', 'wait'],
    ['++++', '+---', 'secondary-down', 'none'],
    ['++++', '+ddd', 'secondary-degraded', 'none'],
    ['++++', '', 'unknown', 'wait'],
  ]
  it.each(table)('primary %s, secondary %s -> %s, %s', (east, west, code, recommendation) => {
    expect(judge(replay({ east, west }), 'east')).toMatchObject({ code, recommendation })
  })

  it('names what is silent and why', () => {
    const { sentence } = judge(replay({ east: '+----', west: '+++++' }), 'east')
    expect(sentence).toContain('ECONNREFUSED')
    expect(sentence).toContain('4 times')
  })

  const sentences: Array<[string, string]> = [
    ['+', 'Every plane of every member answers.'],
    ['+--+', 'Every plane of every member answers.'],
    [
      '+-',
      "'east' has not answered in the last probe on any plane (ECONNREFUSED); it counts as down after 3.",
    ],
    [
      '+rr',
      "'east' has refused us in the last 2 probes on any plane (ECONNREFUSED); it counts as down after 3.",
    ],
    [
      '+a',
      "'east' has not answered in the last probe on arm (ECONNREFUSED); it counts as down after 3.",
    ],
    [
      '+---+',
      "'east' answers again on every plane; it counts as healthy after 2 answers in a row (1 so far).",
    ],
    [
      '+aaa+',
      "'east' answers again on arm; it counts as healthy after 2 answers in a row (1 so far).",
    ],
    [
      '+aaa+d',
      "'east' has not answered in the last probe on history, blob (ECONNREFUSED); it counts as down after 3.",
    ],
  ]
  it.each(sentences)('says of %s: %s', (east, sentence) => {
    expect(judge(replay({ east, west: '+'.repeat(east.length) }), 'east').sentence).toBe(sentence)
  })
})

describe('the prober', () => {
  /** A clock that moves only when everything waits for it. */
  function steeredTime() {
    let now = 0
    const sleepers: Array<{ due: number; wake: () => void }> = []
    const sleep = (durationMs: number, signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        if (signal.aborted) resolve()
        sleepers.push({ due: now + durationMs, wake: resolve })
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    const advance = async (durationMs: number) => {
      now += durationMs
      for (const sleeper of sleepers.filter((s) => s.due <= now)) sleeper.wake()
      // Lets every continuation that is ready run.
      await new Promise((resolve) => setImmediate(resolve))
    }
    return { sleep, advance, clock: () => new Date(now) }
  }

  it('reports a plane that never answers after the timeout, and never overlaps rounds', async () => {
    const time = steeredTime()
    const stop = new AbortController()
    let running = 0
    let most = 0
    const rounds: boolean[] = []
    const probing = probeUntilStopped({
      members: [
        {
          name: 'east',
          probe: (_plane, options) => {
            running += 1
            most = Math.max(most, running)
            return new Promise((_, reject) =>
              options?.signal?.addEventListener('abort', () => {
                running -= 1
                reject(new Error('aborted'))
              }),
            )
          },
        },
      ],
      planes: ['arm'],
      intervalMs: () => 1000,
      timeoutMs: 500,
      clock: time.clock,
      sleep: time.sleep,
      onRound: (results) => {
        rounds.push(results.east?.[0]?.healthy ?? true)
      },
      signal: stop.signal,
    })
    await time.advance(499)
    expect(rounds).toEqual([])
    await time.advance(1)
    expect(rounds).toEqual([false])
    await time.advance(999)
    expect(running).toBe(0)
    await time.advance(1)
    expect(running).toBe(1)
    await time.advance(500)
    expect(rounds).toEqual([false, false])
    expect(most).toBe(1)
    stop.abort()
    await time.advance(0)
    await probing
  })

  it('learns nothing from a round in which this process stood still', async () => {
    const time = steeredTime()
    const stop = new AbortController()
    const rounds: boolean[] = []
    const answers: Array<() => void> = []
    const probing = probeUntilStopped({
      members: [
        {
          name: 'east',
          probe: (plane) =>
            new Promise((resolve) =>
              answers.push(() => resolve({ plane, healthy: true, latencyMs: 1, at: '' })),
            ),
        },
      ],
      planes: ['arm'],
      intervalMs: () => 1000,
      timeoutMs: 500,
      clock: time.clock,
      sleep: time.sleep,
      onRound: (results) => {
        rounds.push(results.east?.[0]?.healthy ?? true)
      },
      signal: stop.signal,
    })
    // Timers come first when it goes on, although the answer lies ready.
    await time.advance(60_000)
    expect(rounds).toEqual([])
    await time.advance(1000)
    answers.at(-1)?.()
    await time.advance(0)
    expect(rounds).toEqual([true])
    stop.abort()
    await time.advance(0)
    await probing
  })

  it('turns a probe that throws into an unhealthy plane', async () => {
    const time = steeredTime()
    const stop = new AbortController()
    const reasons: Array<string | undefined> = []
    await probeUntilStopped({
      members: [{ name: 'east', probe: () => Promise.reject(new Error('no route')) }],
      planes: ['arm', 'blob'],
      intervalMs: () => 1,
      timeoutMs: 1,
      clock: time.clock,
      sleep: time.sleep,
      onRound: (results) => {
        reasons.push(...(results.east ?? []).map((result) => result.reason))
        stop.abort()
      },
      signal: stop.signal,
    })
    expect(reasons).toEqual(['no route', 'no route'])
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LedgerRow } from '../api/contract.ts'
import { escapeHtml } from './html.ts'
import { newestProvenBlob } from './ledger-reads.ts'
import { measureRecovery, type Report, sortObjects } from './report.ts'
import { reportToHtml } from './report-html.ts'

const at = '2026-01-01T12:00:00.000Z'

function reportNamed(name: string): Report {
  const row: LedgerRow = {
    object: name,
    kind: name,
    state: 'failed',
    sourceDigest: null,
    targetDigest: null,
    error: { code: name, message: name },
    bytes: 1,
    at,
  }
  const failed = [{ object: name, code: name, message: name }]
  return {
    schema: 'holdfast/report/v1',
    type: 'failover',
    run: name,
    group: name,
    epoch: 2,
    from: name,
    to: name,
    outcome: 'partial',
    startedAt: at,
    writtenAt: at,
    timeline: [{ id: name, title: name, status: 'done', startedAt: at, endedAt: at, detail: name }],
    recovery: {
      detectedAt: at,
      decidedAt: at,
      rtoMs: 1000,
      rtaMs: 900,
      rpoMs: 1000,
      rpaMs: null,
      unknownSince: at,
      unknownUntil: at,
    },
    replicationPoint: null,
    counts: [
      { kind: name, inScope: 1, proven: 0, pending: 0, failed: 1, conflict: 0, apart: 0, bytes: 1 },
    ],
    objects: {
      proven: [name],
      provenCount: 1,
      missing: [row],
      unknown: [row],
      conflict: [row],
      skipped: [name],
    },
    jobs: [
      {
        job: name,
        state: name,
        decision: 'resubmit',
        reason: name,
        resubmittedAs: name,
        checkpoint: name,
        epoch: 2,
        at,
      },
    ],
    jobsCapturedAt: at,
    stableEndpoints: [{ name, member: name, epoch: 2 }],
    endpoints: [{ endpoint: name, answers: false, detail: name }],
    cold: { created: [name], failed },
    fence: { fenced: [], exposure: [name] },
    salvage: { salvaged: [name], conflicts: [{ object: name, detail: name }], failed },
  }
}

const tags = (page: string): string[] => page.match(/<[^>]*>/g) ?? []

describe('the report as a page', () => {
  it('has the same tags whatever objects are called, so no name can become one', () => {
    const plain = tags(reportToHtml(reportNamed('x')))
    const hostile = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '<script>alert(1)</script>',
        '</style><img src=x onerror=alert(1)>',
        `"'><b onclick='x'>`,
        '&lt;',
        '\u202e<b>',
      ),
    )
    fc.assert(
      fc.property(hostile, (name) => {
        expect(tags(reportToHtml(reportNamed(name)))).toEqual(plain)
      }),
    )
  })

  it('holds no script, no handler and no address of anything outside', () => {
    const page = reportToHtml(reportNamed('javascript:alert(1)'))
    const markup = tags(page).join('')
    expect(markup).not.toMatch(/<script|\son\w+=|src=|href=|url\(/i)
    expect(page).toContain("default-src 'none'")
    expect(page).toContain('@media print')
    expect(page).toContain('prefers-color-scheme: dark')
  })

  it('shows control and direction marks instead of obeying them', () => {
    expect(escapeHtml('a\u202eb\u0000')).toBe('a&#91;U+202E&#93;b&#91;U+0000&#93;')
  })

  it('says that an objective was met only when it was measured', () => {
    const page = reportToHtml(reportNamed('x')).replaceAll(/\s+/g, ' ')
    expect(page).toContain('<td>900 ms</td> <td class="complete">met</td>')
    expect(page).toContain('<td>unknown</td> <td class="failed">not met</td>')
  })
})

describe('what a report counts', () => {
  const row = (state: LedgerRow['state'], targetDigest: string | null): LedgerRow => ({
    object: `${state}/${targetDigest}`,
    kind: 'model',
    state,
    sourceDigest: 's',
    targetDigest,
    error: null,
    bytes: 1,
    at,
  })

  it('calls missing what does not stand, and unknown what stands unproven (I7)', async () => {
    async function* rows() {
      yield row('proven', 's')
      yield row('failed', null)
      yield row('failed', 'older')
      yield row('pending', null)
      yield row('pending', 'older')
      yield row('conflict', 'other')
      yield row('skipped', null)
    }
    const sorted = await sortObjects(rows())
    expect(sorted.proven).toEqual(['proven/s'])
    expect(sorted.missing.map((one) => one.object)).toEqual(['failed/null', 'pending/null'])
    expect(sorted.unknown.map((one) => one.object)).toEqual(['failed/older', 'pending/older'])
    expect(sorted.conflict.map((one) => one.object)).toEqual(['conflict/other'])
    expect(sorted.skipped).toEqual(['skipped/null'])
  })

  it('measures time from detection to the last step of traffic, and the point from the failover', () => {
    const step = (id: string, endedAt: string | null) =>
      ({ id, title: id, status: 'done', startedAt: at, endedAt, detail: null }) as const
    const recovery = measureRecovery({
      detectedAt: '2026-01-01T11:59:00.000Z',
      decidedAt: '2026-01-01T11:59:30.000Z',
      failoverAt: at,
      replicationPoint: '2026-01-01T11:58:00.000Z',
      objectives: { rtoMs: 1, rpoMs: 2 },
      timeline: [
        step('switch-traffic', '2026-01-01T12:00:01.000Z'),
        step('move-configuration', '2026-01-01T12:00:02.000Z'),
        step('resubmit-jobs', '2026-01-01T12:30:00.000Z'),
        step('warm-endpoints', null),
      ],
    })
    expect(recovery).toMatchObject({ rtaMs: 62_000, rpaMs: 120_000, rtoMs: 1, rpoMs: 2 })
    expect(recovery).not.toHaveProperty('atLeast')
  })

  it('claims no more than "at least" of an outage whose beginning nobody saw (I8)', () => {
    const recovery = measureRecovery({
      ...{ detectedAt: at, decidedAt: at, failoverAt: at, replicationPoint: null },
      outage: { isWhole: false, answeredAt: '2026-01-01T11:00:00.000Z' },
      objectives: { rtoMs: 1, rpoMs: 2 },
      timeline: [],
    })
    expect(recovery).toMatchObject({ atLeast: true, lastAnswerAt: '2026-01-01T11:00:00.000Z' })
  })
})

describe('the newest proven checkpoint', () => {
  const direction = { group: 'g', source: 'a', target: 'b' }
  const ledgerOf = (names: readonly [string, string][]) => ({
    rows: async (_: unknown, { after = '', limit = 10 }: { after?: string; limit?: number }) =>
      names
        .map(([name, proven]) => ({
          object: `blob/s/${encodeURIComponent(name)}`,
          kind: 'blob',
          state: 'proven' as const,
          sourceDigest: 'd',
          targetDigest: 'd',
          error: null,
          bytes: 1,
          at: proven,
        }))
        .sort((a, b) => (a.object < b.object ? -1 : 1))
        .filter((one) => one.object > after)
        .slice(0, limit),
  })
  const newest = (names: readonly [string, string][]) =>
    newestProvenBlob(ledgerOf(names), direction, { store: 's', prefix: 'c/train/' })

  it('is the one proven last, and the highest number among those of one pass', async () => {
    expect(
      await newest([
        ['c/train/step-9', at],
        ['c/train/step-10', at],
        ['c/train/step-8', '2026-01-01T12:00:00.100Z'],
      ]),
    ).toBe('c/train/step-10')
    expect(
      await newest([
        ['c/train/step-9', '2026-01-01T12:10:00.000Z'],
        ['c/train/step-10', at],
      ]),
    ).toBe('c/train/step-9')
  })

  it('is none when only other folders have blobs', async () => {
    expect(
      await newest([
        ['c/trainer/step-1', at],
        ['c/a', at],
        ['d/z', at],
      ]),
    ).toBeNull()
  })

  it('is found behind any number of pages', async () => {
    const many = Array.from({ length: 2500 }, (_, n): [string, string] => [`c/train/s-${n}`, at])
    expect(await newest(many)).toBe('c/train/s-2499')
  })
})

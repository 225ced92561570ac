import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const heap = fileURLToPath(new URL('heap.ts', import.meta.url))

/** Keeps some tens of megabytes alive and replaces them piece by piece, as a pass does. Megabytes. */
const peakOf = (begin: string): number =>
  Number(
    execFileSync(process.execPath, [
      ...['--import', 'tsx', '--input-type=module', '--eval'],
      `import { growHeapSlowly } from ${JSON.stringify(heap)}
      ${begin}
      const ring = new Array(300_000)
      let peak = 0
      for (let i = 0; i < 1_500_000; i += 1) {
        ring[i % ring.length] = { name: 'object-' + i, tags: { number: i } }
        if (i % 10_000 === 0) peak = Math.max(peak, process.memoryUsage().heapUsed)
      }
      console.log(peak / 1e6)`,
    ]).toString(),
  )

it('keeps the heap near what lives', () => {
  const slow = peakOf('growHeapSlowly()')
  const usual = peakOf('')
  expect(slow).toBeLessThan(usual * 0.8)
}, 120_000)

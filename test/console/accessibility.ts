import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'

const source = () =>
  readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/**
 * What is still fading has not the contrast it will have, and what a change of colours or size sets
 * going begins a frame or two later.
 */
const untilStill = `(async () => {
  const frames = async () => {
    for (let n = 0; n < 3; n += 1) await new Promise(requestAnimationFrame)
  }
  const moving = () => document.getAnimations()
    .filter((a) => a.playState === 'running' && a.effect?.getTiming().iterations !== Infinity)
  await frames()
  for (let turn = 0; turn < 50 && moving().length > 0; turn += 1) {
    await Promise.allSettled(moving().map((a) => a.finished))
    await frames()
  }
})()`

/** What axe finds on a page; each with the markup it is about. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(untilStill)
  // Evaluated and not added as a script element, which the page's own policy refuses.
  await page.evaluate(source())
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: Violation[] }> }
    }
    return (await axe.run()).violations
  })
  return found.map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(' ')}`,
  )
}

export async function expectAccessible(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    expect(await violations(page)).toEqual([])
  }
}

/** Nothing is wider than the screen of a phone (what is, scrolls inside its own frame), and axe agrees. */
export async function expectToFitAPhone(page: Page): Promise<void> {
  const desk = page.viewportSize()
  await page.setViewportSize({ width: 390, height: 844 })
  const over = () =>
    page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
  // Charts follow the width a frame later.
  await expect.poll(over, { timeout: 10_000 }).toBe(0)
  expect(await violations(page)).toEqual([])
  if (desk) await page.setViewportSize(desk)
}

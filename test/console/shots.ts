import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'

export interface Shots {
  readonly folder: string
  take(page: Page, name: string): Promise<void>
}

/** Pictures of the documentation; what one weighs is printed. `hidden`: a folder that says nothing to a reader. */
export function openShots(hidden: string): Shots {
  const folder = resolve(import.meta.dirname, '..', '..', 'docs', 'images')
  mkdirSync(folder, { recursive: true })
  return {
    folder,
    take: async (page, name) => {
      await page.evaluate(settled)
      await page.evaluate(withoutFolder(hidden))
      const session = await page.context().newCDPSession(page)
      // Of what browsers write themselves the smallest; text stays sharp.
      const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 85 })
      await session.detach()
      const bytes = Buffer.from(data, 'base64')
      writeFileSync(join(folder, `${name}.webp`), bytes)
      console.log(`${name}.webp ${Math.round(bytes.length / 1000)} kB`)
    },
  }
}

const settled = `Promise.allSettled([
  document.fonts.ready,
  ...document.getAnimations()
    .filter((a) => a.effect?.getTiming().iterations !== Infinity)
    .map((a) => a.finished),
])`

const withoutFolder = (folder: string) => `{
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode())
    if (texts.currentNode.nodeValue.includes(${JSON.stringify(folder)}))
      texts.currentNode.nodeValue = texts.currentNode.nodeValue.replaceAll(${JSON.stringify(folder)}, '…')
}`

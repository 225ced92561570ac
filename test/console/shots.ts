import { mkdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'

export interface Shots {
  readonly folder: string
  take(page: Page, name: string): Promise<void>
}

/** Pictures of the documentation; what one weighs is printed. */
export function openShots(): Shots {
  const folder = resolve(import.meta.dirname, '..', '..', 'docs', 'images')
  mkdirSync(folder, { recursive: true })
  return {
    folder,
    take: async (page, name) => {
      const path = join(folder, `${name}.png`)
      await page.evaluate('document.fonts.ready')
      await page.screenshot({ path, animations: 'disabled' })
      console.log(`${name}.png ${Math.round(statSync(path).size / 1000)} kB`)
    },
  }
}

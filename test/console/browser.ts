import { existsSync } from 'node:fs'
import type { Browser } from 'playwright-core'

const places = [
  process.env.HOLDFAST_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** Path of a Chromium; undefined: there is none, and the suite that needs one says so. */
export const chromium = places.find((place) => place !== undefined && existsSync(place))

export const noChromium =
  'SKIPPED LOUDLY: no Chromium was found, so the console was not tested. Install one or set HOLDFAST_CHROMIUM.'

export async function launchBrowser(): Promise<Browser> {
  const { chromium: engine } = await import('playwright-core')
  return engine.launch({
    executablePath: chromium ?? '',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  })
}

import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'

const web = resolve(import.meta.dirname, '..', '..', 'dist', 'web')
const mostBytes = 250_000

/** What a browser has to fetch before it can show anything: the page names it all. */
it('needs less than 250 kB of compressed script and style for the first page', () => {
  const html = readFileSync(join(web, 'index.html'), 'utf8')
  const files = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, file = '']) => file)
  expect(files.length).toBeGreaterThan(1)
  const sizes = files.map((file) => gzipSync(readFileSync(join(web, file))).length)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  console.log(`first page: ${(total / 1000).toFixed(0)} kB compressed in ${files.length} files`)
  expect(total).toBeLessThan(mostBytes)
})

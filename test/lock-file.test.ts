import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'

interface Lock {
  readonly packages: Readonly<Record<string, { readonly link?: boolean }>>
}

it('the lock names nothing outside the project: a fresh clone could not install it', async () => {
  const text = await readFile(new URL('../package-lock.json', import.meta.url), 'utf8')
  const { packages } = JSON.parse(text) as Lock
  const outside = Object.entries(packages).filter(
    ([path, { link }]) => link === true || path.startsWith('..') || path.startsWith('/'),
  )
  expect(Object.keys(packages).length).toBeGreaterThan(100)
  expect(outside.map(([path]) => path)).toEqual([])
})

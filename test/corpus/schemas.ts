import { readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { yamlFiles } from '../../src/specification/read-folder.ts'

/** Every file of `source` with a `$schema` line, by its path in `copy`, and the schema's name. */
export async function schemasOf(source: string, copy: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const spelling = new Map<string, string>()
  for (const file of await yamlFiles(source)) {
    const [, address] = /^\$schema:\s*(\S+)/m.exec(readFileSync(file, 'utf8')) ?? []
    if (address === undefined) continue
    const name = basename(address).replace(/(\.schema)?\.json$/i, '')
    const known = spelling.get(name.toLowerCase()) ?? name
    spelling.set(name.toLowerCase(), known)
    found.set(join(copy, relative(source, file)), known)
  }
  return found
}

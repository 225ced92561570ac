import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBuilt, ensureInstalled, root } from './bootstrap.mjs'

ensureInstalled()
ensureBuilt()
// In this process: there is nobody between the terminal and the demo who could die alone.
const entry = join(root, 'dist', 'holdfast.js')
process.argv.splice(1, 1, entry, 'demo')
await import(pathToFileURL(entry).href)

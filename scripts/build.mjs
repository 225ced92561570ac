// One bundle with lazily loaded chunks, so that `holdfast --help` reads only what it prints.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
rmSync(dist, { recursive: true, force: true })
await build({
  absWorkingDir: root,
  entryPoints: { holdfast: 'src/cli/main.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  sourcemap: 'linked',
  logLevel: 'warning',
  banner: { js: '#!/usr/bin/env node' },
})
await buildClient()
// Python that a local region runs: the scoring server.
const python = join(root, 'src', 'region', 'compute', 'python')
if (existsSync(python)) cpSync(python, join(dist, 'python'), { recursive: true })
if (existsSync(join(root, 'web', 'index.html'))) {
  const { build: buildWeb } = await import('vite')
  await buildWeb({
    root: join(root, 'web'),
    logLevel: 'warn',
    build: { outDir: join(dist, 'web'), emptyOutDir: true },
  })
  compressBeside(join(dist, 'web'))
}
mkdirSync(dist, { recursive: true })
writeFileSync(join(dist, '.built'), '')

/** The controller sends what the browser can unpack, and compresses nothing while somebody waits. */
function compressBeside(folder) {
  for (const name of readdirSync(folder, { recursive: true }).filter((each) =>
    /\.(js|css|html)$/.test(each),
  )) {
    const path = join(folder, name)
    const bytes = readFileSync(path)
    writeFileSync(`${path}.br`, brotliCompressSync(bytes))
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
  }
}

/** `holdfast/client`: one file for Node and browsers, and its types. */
async function buildClient() {
  await build({
    absWorkingDir: root,
    entryPoints: { client: 'src/api/package-client.ts' },
    outdir: 'dist',
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    packages: 'external',
    logLevel: 'warning',
  })
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.client.json')], {
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) process.exit(status ?? 1)
  const types = join(dist, 'client')
  for (const name of readdirSync(types, { recursive: true }).filter((each) =>
    each.endsWith('.ts'),
  )) {
    const path = join(types, name)
    // The compiler keeps the endings of sources, which are not in the package.
    const text = readFileSync(path, 'utf8').replace(/(from '\.[^']+)\.ts'/g, "$1.js'")
    writeFileSync(path, text)
  }
}

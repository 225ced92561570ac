// One bundle with lazily loaded chunks, so that `holdfast --help` reads only what it prints.
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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
}
mkdirSync(dist, { recursive: true })
writeFileSync(join(dist, '.built'), '')

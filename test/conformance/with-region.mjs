import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..', '..')
const command = ['--import', 'tsx', join(root, 'src', 'cli', 'main.ts'), 'region']

/** Where a conformance run keeps the clients it installs. */
export const cacheFolder = (name) =>
  join(process.env.HOLDFAST_CACHE ?? join(homedir(), '.cache', 'holdfast'), name)

/** A loud line, and the exit code: a run that has to prove something fails without its clients. */
export function skipped(what, why) {
  process.stderr.write(`\nSKIPPED: ${what} WAS NOT CHECKED. ${why}\n\n`)
  process.exit(process.env.HOLDFAST_REQUIRE_CONFORMANCE ? 1 : 0)
}

/** Runs a command while a region runs; all it knows of the region is what `region env` prints; `variables`
 * may add to it. */
export async function runWithRegion(program, args, { cwd, variables = () => ({}) }) {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-conformance-'))
  const data = join(home, 'region')
  const start = ['start', '--name', 'eastus', '--data', data, '--json', '--exit-with-parent']
  const region = spawn(process.execPath, [...command, ...start], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    await Promise.race([
      once(region.stdout, 'data'),
      once(region, 'exit').then(([code]) => {
        throw new Error(`the region ended with ${code} before it was ready`)
      }),
    ])
    const env = [...command, 'env', '--data', data, '--json']
    const printed = execFileSync(process.execPath, env, { cwd: root, encoding: 'utf8' })
    const { clientSecretFile, ...printedVariables } = JSON.parse(printed)
    const secret = readFileSync(clientSecretFile, 'utf8').trim()
    const child = spawn(program, args, {
      cwd,
      stdio: 'inherit',
      env: {
        ...process.env,
        ...printedVariables,
        ...variables(printedVariables),
        AZURE_CLIENT_SECRET: secret,
      },
    })
    const [code] = await once(child, 'exit')
    return code ?? 1
  } finally {
    region.kill('SIGTERM')
    if (region.exitCode === null) await once(region, 'exit')
    rmSync(home, { recursive: true, force: true })
  }
}

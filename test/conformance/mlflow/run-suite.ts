import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { startRegion } from '../../../src/region/start-region.ts'
import { type Outcome, report } from './outcomes.ts'

/**
 * Runs MLflow's own REST tests against a local region. They are not part of this repository:
 * `HOLDFAST_MLFLOW_SUITE` is a checkout of mlflow/mlflow, `HOLDFAST_MLFLOW_PYTHON` a Python with the
 * same version of mlflow, pytest, pytest-asyncio and pytest-timeout. Further arguments go to pytest.
 */
const suites = ['tests/tracking/test_rest_tracking.py', 'tests/tracking/test_model_registry.py']

async function main(): Promise<void> {
  const suite = process.env.HOLDFAST_MLFLOW_SUITE
  const python = process.env.HOLDFAST_MLFLOW_PYTHON
  if (!suite || !python || !existsSync(join(suite, suites[0] ?? ''))) {
    process.stdout.write(
      "SKIPPED: MLflow's REST suite. Set HOLDFAST_MLFLOW_SUITE to a checkout of mlflow/mlflow and HOLDFAST_MLFLOW_PYTHON to a Python with the same version.\n",
    )
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-mlflow-suite-'))
  const region = await startRegion({ name: 'eastus', dataDir: join(folder, 'region') })
  try {
    const outcomes = join(folder, 'outcomes.json')
    const code = await pytest(python, suite, {
      HOLDFAST_REGION_ENV: JSON.stringify(environmentOf(region.cloudFile)),
      HOLDFAST_SUITE_REPORT: outcomes,
    })
    if (!existsSync(outcomes)) throw new Error(`pytest ended with ${code} before it ran a test`)
    const found = JSON.parse(readFileSync(outcomes, 'utf8')) as Record<string, Outcome>
    const isWhole = process.argv.length <= 2
    process.exitCode = report(found, isWhole, (line) => process.stdout.write(`${line}\n`)) ? 0 : 1
  } finally {
    await region.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function environmentOf(cloudFile: string): object {
  const cloud = JSON.parse(readFileSync(cloudFile, 'utf8')) as Record<string, string>
  const at = (path = '') => resolve(dirname(cloudFile), path)
  return { ...cloud, caFile: at(cloud.ca), clientSecretFile: at(cloud.clientSecretFile) }
}

function pytest(python: string, cwd: string, variables: Record<string, string>): Promise<number> {
  const flags = ['-q', '-p', 'region_plugin', '-p', 'no:cacheprovider', '-W', 'ignore']
  const limits = ['--timeout', '120', '--tb', 'no', '--color', 'no']
  const args = ['-m', 'pytest', ...flags, ...limits, ...suites, ...process.argv.slice(2)]
  const child = spawn(python, args, {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      ...variables,
      PYTHONPATH: import.meta.dirname,
      // A refusal is an answer: asking again only takes time.
      MLFLOW_HTTP_REQUEST_MAX_RETRIES: '0',
    },
  })
  return new Promise((done, fail) => {
    child.on('error', fail)
    child.on('exit', (code) => done(code ?? 1))
  })
}

await main()

// Proves the local region with MLflow's own client, and with Azure's plugin for it, as published. Needs
// Python and the package registry; without them it says so loudly and exits with 0, unless CI demands it.
//
//   npm run test:conformance:mlflow [-- arguments for pytest]
import { join } from 'node:path'
import { pythonEnvironment } from '../../../scripts/python-environment.mjs'
import { cacheFolder, runWithRegion, skipped } from '../with-region.mjs'

const scenarios = join(import.meta.dirname, 'client')
const python =
  process.env.HOLDFAST_MLFLOW_CLIENT_PYTHON ??
  pythonEnvironment({
    folder: cacheFolder('mlflow-client'),
    requirements: join(scenarios, 'requirements.txt'),
  })
if (python === undefined) skipped("CONFORMANCE WITH MLFLOW'S CLIENT", 'See above what is missing.')
const flags = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-W', 'ignore', '--tb', 'short']
process.exit(
  await runWithRegion(python, [...flags, ...process.argv.slice(2)], {
    cwd: scenarios,
    variables: (printed) => ({
      PYTHONDONTWRITEBYTECODE: '1',
      MLFLOW_HTTP_REQUEST_MAX_RETRIES: '1',
      // Azure's plugin reads no authority that is a name with a port, only an address with one.
      ARM_CLOUD_METADATA_URL: printed.ARM_CLOUD_METADATA_URL.replace('localhost', '127.0.0.1'),
    }),
  }),
)

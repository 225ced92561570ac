import { type FillSize, fillRegion } from './region-fill.ts'

const [dataDir = '', workspaceId = '', size = ''] = process.argv.slice(2)

fillRegion(dataDir, workspaceId, JSON.parse(size) as FillSize, (line) =>
  process.stderr.write(`${line}\n`),
)

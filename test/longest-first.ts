import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * The files that take longest, in this order. They spend much of their time waiting for processes
 * and for product intervals, so one of them must not be what everybody waits for at the end; on a
 * clean clone nothing else says how long a file takes.
 */
const longest = [
  'test/demo.test.ts',
  'test/faults/busy-region.test.ts',
  'test/faults/kill-controller.test.ts',
  'test/faults/looking-commands.test.ts',
  'test/faults/bad-input.test.ts',
  'test/secrets/commands.test.ts',
  'test/faults/sync-faults.test.ts',
  'test/faults/workers.test.ts',
  'test/console/pages.test.ts',
  'test/nemesis.test.ts',
  'test/console/proof.test.ts',
  'test/faults/two-gateways.test.ts',
  'test/security.test.ts',
  'src/runbooks/killed-controller.test.ts',
  'src/cli/group-commands.test.ts',
]

/** Long files first, then all others that start processes, then the small ones. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const gone = longest.filter((file) => !existsSync(resolve(this.ctx.config.root, file)))
    if (gone.length > 0)
      throw new Error(`test/longest-first.ts names ${gone.join(', ')}: not there`)
    const rank = ({ moduleId, project }: TestSpecification): number => {
      const place = longest.indexOf(relative(this.ctx.config.root, moduleId))
      if (place >= 0) return place
      return longest.length + (project.config.isolate ? 0 : 1)
    }
    const sorted = await super.sort(files)
    return sorted.sort((one, other) => rank(one) - rank(other))
  }
}

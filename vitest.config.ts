import { configDefaults, defineConfig } from 'vitest/config'
import { LongestFirst } from './test/longest-first.ts'

/**
 * Unit tests that need a process of their own: they start others, or change what a process has only
 * once (its environment, its output, its engine, its clock).
 */
const ownProcess = [
  'src/cli/**/*.test.ts',
  'src/store/**/*.test.ts',
  'src/notify/**/*.test.ts',
  'src/runbook/engine.test.ts',
  'src/runbooks/killed-controller.test.ts',
  'src/runbooks/user-steps/*.test.ts',
  'src/region/start-region.test.ts',
  'src/region/blob/crash.test.ts',
  'src/region/files/file-service.test.ts',
  'src/workspace/steady-stream.test.ts',
]

export default defineConfig({
  test: {
    environment: 'node',
    pool: 'forks',
    setupFiles: ['test/reproducible.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two cores is the smallest machine we promise. Half of the time of the long tests is waiting
    // (for intervals, disks and other processes): with two workers a core would stand idle.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: { name: 'processes', include: ['test/**/*.test.ts', ...ownProcess] },
      },
      {
        extends: true,
        test: {
          name: 'units',
          include: ['src/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...ownProcess],
          // Many small files: most of their time was loading the same modules again.
          isolate: false,
        },
      },
    ],
  },
})

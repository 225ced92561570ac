import { tmpdir } from 'node:os'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildBundle, type RunningCli, startCli } from './testing/run-cli.ts'

describe('a reader that has seen enough', () => {
  beforeAll(buildBundle, 120_000)

  const start = (args: readonly string[]) => startCli(args, { cwd: tmpdir() })
  const endOf = async ({ child, ended }: RunningCli) => {
    child.stdin?.end()
    return ended
  }

  it.each([
    ['help'],
    ['region', 'coverage'],
    ['region', 'coverage', '--json'],
    ['completion', 'bash'],
  ])(
    'ends a command quietly: %s %s %s',
    async (...args) => {
      const cli = start(args)
      cli.child.stdout?.destroy()
      expect(await endOf(cli)).toMatchObject({ code: 0, stderr: '' })
    },
    60_000,
  )

  it('of what goes wrong does not change how it ends', async () => {
    const cli = start(['status', '--server', 'http://127.0.0.1:1'])
    cli.child.stderr?.destroy()
    expect((await endOf(cli)).code).toBe(5)
  }, 60_000)
})

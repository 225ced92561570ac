import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Summary } from '../src/cli/demo/story.ts'
import { buildBundle, runCli, startCli } from '../src/cli/testing/run-cli.ts'
import { missingPrograms, openTerminal, tellingItsEnd } from '../src/cli/testing/terminal.ts'
import type { Report } from '../src/runbooks/report.ts'

const hasPython = spawnSync('python3', ['--version']).status === 0
if (!hasPython)
  console.warn('SKIPPED: the demo trains and scores in Python 3, and there is no python3')

const hasTmux = missingPrograms('A DEMO WHOSE TERMINAL IS CLOSED', ['tmux']).length === 0
const bundle = resolve(import.meta.dirname, '..', 'dist', 'holdfast.js')

let folder: string
beforeAll(buildBundle, 120_000)
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hf-story-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe.skipIf(!hasPython)('holdfast demo', () => {
  it('tells the whole story in a pipe, and leaves no process', async () => {
    const { code, stdout, stderr } = await runCli(['demo', '--json', '--dir', join(folder, 'd')], {
      cwd: folder,
    })
    expect(code, stderr).toBe(0)
    // Plain lines: nothing that only a terminal understands.
    expect(stderr).not.toContain('\u001b')
    const summary = JSON.parse(stdout) as Summary
    expect(summary.protection.objects).toBeGreaterThan(600)
    expect(summary.outage.killedProcesses).toBeGreaterThan(3)
    expect(summary.proof.history).toMatchObject({ artifacts: expect.any(Number) })
    expect(summary.proof.history.runs).toBeGreaterThanOrEqual(302)
    expect(summary.proof.history.artifacts).toBeGreaterThanOrEqual(300)
    expect(summary.proof.traffic.perMember.east).toBeGreaterThan(0)
    expect(summary.proof.traffic.perMember.west).toBeGreaterThan(0)
    expect(summary.proof.traffic).toMatchObject({ failed: 0 })
    expect(summary.job).toMatchObject({ job: 'fraud-train-long', status: 'Completed' })
    expect(summary.job.firstStep).toBeGreaterThan(0)
    expect(summary.report).toMatchObject({ conflict: [] })
    const { salvaged } = summary.return
    const late = [...summary.report.missing, ...summary.report.unknown]
    // Where the power goes while a pass runs, the report names what that pass had seen and not yet
    // copied (I7): nothing that is not salvaged when the region is back.
    expect(salvaged).toEqual(expect.arrayContaining(late))
    expect(summary.report.rtaMs).toBeLessThan(summary.report.rtoMs ?? 0)
    expect(summary.report.rpaMs).toBeLessThan(summary.report.rpoMs ?? 0)
    for (const file of [summary.report.html, summary.report.json])
      expect(readFileSync(file, 'utf8')).toContain('fraud-models')
    expect(summary.return).toMatchObject({ effectivePrimary: 'west', epoch: 2 })
    const { objects } = JSON.parse(readFileSync(summary.report.json, 'utf8')) as Report
    // On a busy machine a pass may have come between the work and the cut.
    expect([...objects.proven, ...salvaged]).toContain('data/transactions/2')
    expect(processesIn(folder)).toEqual([])
  }, 400_000)

  it('ends every process and removes its folder when it is interrupted', async () => {
    const demo = startCli(['demo'], { cwd: folder, env: { TMPDIR: folder } })
    await demo.shows('$ holdfast sync')
    expect(processesIn(folder).length).toBeGreaterThan(3)
    demo.child.kill('SIGINT')
    const { code, stdout } = await demo.ended
    expect(code, stdout).toBe(130)
    expect(processesIn(folder)).toEqual([])
    expect(readdirSync(folder)).toEqual([])
  }, 120_000)

  it.skipIf(!hasTmux)(
    'ends every process when its terminal is closed',
    async () => {
      const told = join(folder, 'code')
      const command = tellingItsEnd(`'${process.execPath}' '${bundle}' demo`, told)
      const terminal = openTerminal(command, { cwd: folder, env: { TMPDIR: folder } })
      try {
        await terminal.shows('$ holdfast sync')
        expect(processesIn(folder).length).toBeGreaterThan(3)
      } finally {
        terminal.close()
      }
      await expect.poll(() => existsSync(told), { timeout: 60_000 }).toBe(true)
      await expect.poll(() => readFileSync(told, 'utf8')).toBe('ended 129\n')
      expect(processesIn(folder)).toEqual([])
      expect(readdirSync(folder)).toEqual(['code', 'code.sh'])
    },
    180_000,
  )

  it('leaves no process when it is killed', async () => {
    const demo = startCli(['demo', '--dir', join(folder, 'd')], { cwd: folder })
    await demo.shows('$ holdfast sync')
    demo.child.kill('SIGKILL')
    await demo.ended
    // Each process notices by itself; the controller first ends its database.
    while (processesIn(folder).length > 0) await delay(100)
    expect(existsSync(join(folder, 'd', 'continuity.yaml'))).toBe(true)
    const again = startCli(['demo', '--dir', join(folder, 'd')], { cwd: folder })
    await again.shows('westus: process')
    again.child.kill('SIGTERM')
    expect((await again.ended).code).toBe(130)
    expect(processesIn(folder)).toEqual([])
  }, 120_000)

  it('refuses a folder that somebody else filled', async () => {
    writeFileSync(join(folder, 'thesis.txt'), 'mine')
    const { code, stderr } = await runCli(['demo', '--dir', '.'], { cwd: folder })
    expect(code, stderr).toBe(4)
    expect(readdirSync(folder)).toEqual(['thesis.txt'])
  })
})

/** Processes that work in the folder or name it, by command line. */
function processesIn(path: string): string[] {
  if (process.platform !== 'linux') {
    const { stdout } = spawnSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' })
    return stdout.split('\n').filter((line) => line.includes(path))
  }
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return []
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      const isOurs = readlinkSync(`/proc/${pid}/cwd`).startsWith(path) || command.includes(path)
      return isOurs ? [`${pid} ${command}`] : []
    } catch {
      // It has ended meanwhile.
      return []
    }
  })
}

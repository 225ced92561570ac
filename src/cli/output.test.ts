import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { csvText } from './output-format.ts'
import { buildBundle, runCli } from './testing/run-cli.ts'
import { type ScriptedController, startScriptedController } from './testing/scripted-controller.ts'

let dir: string
let controller: ScriptedController

beforeAll(async () => {
  buildBundle()
  dir = mkdtempSync(join(tmpdir(), 'holdfast-output-'))
  controller = await startScriptedController({ stateDir: join(dir, '.holdfast') })
}, 120_000)
afterAll(async () => {
  await controller.close()
  rmSync(dir, { recursive: true, force: true })
})
const run = (...args: string[]) => runCli(args, { cwd: dir })

describe('what stdout carries', () => {
  it('is the same in JSON and in YAML', async () => {
    for (const command of ['status', 'objects', 'plan']) {
      const [json, yaml] = await Promise.all([run(command, '--json'), run(command, '-o', 'yaml')])
      const without = ({ now: _now, ...rest }: Record<string, unknown>) => rest
      expect(without(parse(yaml.stdout))).toEqual(without(JSON.parse(json.stdout)))
    }
  })

  it('is CSV with a line for each row, nested fields by their path', async () => {
    const { stdout, code } = await run('objects', '-o', 'csv')
    const [head, first, ...rest] = stdout.trimEnd().split('\n')
    expect(code).toBe(0)
    expect(head).toBe(
      'object,kind,state,sourceDigest,targetDigest,error.code,error.message,bytes,at',
    )
    expect(first).toMatch(
      /^model\/m0\/1,model,failed,a,,workspace\.throttled,Too many requests\.,1,/,
    )
    expect(rest).toHaveLength(23)
  })

  it('is refused as CSV before anything is done, where there are no rows', async () => {
    const { code, stdout, stderr } = await run('sync', '--output=csv')
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain('Write one of: table, json, yaml.')
    expect(controller.started).toEqual([])
  })

  it('is the error where a program reads, in its format', async () => {
    const { stdout, code } = await run('resolve', 'run', 'nobody', '-o', 'yaml')
    expect(code).toBe(4)
    expect(parse(stdout).error.code).toBe('run.not-linked')
  })

  it('quotes CSV and runs no formula in a spreadsheet', () => {
    expect(
      csvText([
        { a: 'x,"y"', b: { c: [1] } },
        { a: '=1+1', b: null },
      ]),
    ).toBe(`a,b.c\n"x,""y""",[1]\n'=1+1,\n`)
  })

  it('suggests what was meant by a mistyped command or option', async () => {
    for (const [args, meant] of [
      [['statsu'], 'status'],
      [['help', 'synk'], 'sync'],
      [['sync', '--dry-rum'], '--dry-run'],
    ] as const) {
      const { code, stderr } = await run(...args)
      expect(code).toBe(2)
      expect(stderr).toContain(`Did you mean ${meant}?`)
    }
  })
})

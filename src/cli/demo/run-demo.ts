import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { promisify } from 'node:util'
import { HoldfastError } from '../../model/errors.ts'
import { colours as pc } from '../colours.ts'
import { exitCodes } from '../exit-codes.ts'
import { createOutput } from '../output.ts'
import { onStopSignal } from '../stop-signals.ts'
import { type DemoFolder, makeDemoFolder } from './demo-folder.ts'
import { Processes } from './processes.ts'
import { Screen } from './screen.ts'
import { showSummary, stayUntilInterrupted } from './show-ending.ts'
import type { Stage } from './stage.ts'
import { tellStory } from './story.ts'

export interface DemoOptions {
  readonly dir?: string
  readonly stay?: boolean
  readonly json?: boolean
}

export async function runDemo(options: DemoOptions): Promise<void> {
  await requirePython()
  const entry = process.argv[1] ?? ''
  const folder = makeDemoFolder(options.dir, entry)
  const screen = new Screen(options.json ? process.stderr : process.stdout)
  const processes = new Processes({
    folder: folder.path,
    logs: folder.logs,
    entry,
    env: environment(folder, screen),
  })
  const interrupt = new AbortController()
  const closers: (() => Promise<unknown>)[] = []
  const stage: Stage = {
    folder: folder.path,
    screen,
    processes,
    interrupted: interrupt.signal,
    onEnd: (close) => closers.push(close),
  }
  const stopListening = onSignals(interrupt, processes)
  let told = false
  try {
    const ending = await tellStory(stage)
    told = true
    showSummary(screen, ending.summary)
    if (options.json) createOutput(options).result(ending.summary, String)
    if (options.stay) await stayUntilInterrupted(stage, ending)
  } catch (error) {
    if (told || !interrupt.signal.aborted) throw failed(screen, folder, error)
  } finally {
    screen.end()
    await Promise.all(closers.map((close) => close()))
    await processes.stopAll()
    stopListening()
  }
  if (told) return
  // Nobody reads the logs of a demo that was broken off; a folder that was asked for stays.
  if (options.dir === undefined) rmSync(folder.path, { recursive: true, force: true })
  screen.line('Interrupted; every process of the demo has ended.')
  process.exitCode = exitCodes.interrupted
}

function failed(screen: Screen, { logs }: DemoFolder, error: unknown): unknown {
  screen.bad(`This chapter failed. The logs are in ${logs}`)
  return error
}

/** The first signal ends the story and every process in order, the second one at once. */
function onSignals(interrupt: AbortController, processes: Processes): () => void {
  return onStopSignal(() => {
    if (interrupt.signal.aborted) {
      void processes.cutAll()
      return
    }
    interrupt.abort()
    void processes.stopAll()
  })
}

/** Sockets and other short-lived files stay in the demo's folder as well. */
function environment({ temporary }: DemoFolder, screen: Screen): NodeJS.ProcessEnv {
  return {
    ...process.env,
    ...(temporary === undefined ? {} : { TMPDIR: temporary }),
    HOLDFAST_TOKEN: undefined,
    ...(screen.isTerminal && pc.isColorSupported ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }),
  }
}

async function requirePython(): Promise<void> {
  try {
    await promisify(execFile)('python3', ['--version'])
  } catch (cause) {
    throw new HoldfastError(
      'demo.no-python',
      'The sample trains and scores in Python 3; there is no python3 on the PATH.',
      {
        kind: 'operator',
        hint: 'Install Python 3 (no packages are needed), then start again.',
        cause,
      },
    )
  }
}

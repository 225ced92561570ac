import { type ChildProcess, spawn } from 'node:child_process'
import { HoldfastError } from '../../model/errors.ts'
import type { UserEffect } from '../../plan/user-step-schema.ts'
import type { EffectTools } from './http-effect.ts'
import { filled, idempotencyKey, type StepContext } from './step-context.ts'

type CommandEffect = Extract<UserEffect, { readonly type: 'command' }>

/** Of what it prints, the end is kept, in characters. */
const outputLimit = 2000
/** What every program may know; the rest of the controller's variables is none of its business (I9). */
const usual = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'USER'] as const
/** `EX_TEMPFAIL` of sysexits: try again later. */
const tryAgain = 75

/**
 * Runs one program without a shell, in a process group of its own so that a timeout ends all of it.
 * Throws `step.command-missing`, `step.command-failed` (operator; transient for status 75).
 */
export async function runCommand(
  { argv, env: wanted }: CommandEffect,
  context: StepContext,
  { signal, env, folder }: EffectTools,
): Promise<string> {
  const [program = '', ...args] = argv.map((each) => filled(each, context))
  const named = Object.fromEntries(
    [...usual, ...wanted].flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  )
  signal.throwIfAborted()
  const child = spawn(program, args, {
    ...{ cwd: folder, shell: false, detached: true },
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...named, ...variablesOf(context) },
  })
  const output = tailOf(child)
  const code = await endOf(child, program, signal)
  const secrets = wanted.flatMap((name) => env[name] ?? [])
  const said = without(output().trim(), secrets)
  const tail = said === '' ? '' : ` It said: ${said}`
  if (code === 0) return `${program} ended well.${tail}`
  throw new HoldfastError('step.command-failed', `${program} ended with ${code}.${tail}`, {
    kind: code === tryAgain ? 'transient' : 'operator',
    hint: 'Mend it, then `holdfast retry OPERATION`; or `holdfast skip OPERATION STEP`.',
  })
}

function variablesOf(context: StepContext): Record<string, string> {
  const named = Object.entries(context).map(([name, value]) => [
    `HOLDFAST_${name.toUpperCase()}`,
    String(value),
  ])
  return {
    ...(Object.fromEntries(named) as Record<string, string>),
    HOLDFAST_IDEMPOTENCY_KEY: idempotencyKey(context),
  }
}

function tailOf({ stdout, stderr }: ChildProcess): () => string {
  let text = ''
  for (const stream of [stdout, stderr]) {
    stream?.setEncoding('utf8')
    stream?.on('data', (chunk: string) => {
      text = `${text}${chunk}`.slice(-outputLimit)
    })
  }
  return () => text
}

function endOf(
  child: ChildProcess,
  program: string,
  signal: AbortSignal,
): Promise<string | number> {
  return new Promise((resolve, reject) => {
    const kill = () => endGroup(child)
    signal.addEventListener('abort', kill, { once: true })
    child.once('error', (cause: NodeJS.ErrnoException) => {
      const message = `${program} cannot be started: ${cause.code ?? cause.message}.`
      reject(new HoldfastError('step.command-missing', message, { kind: 'operator', cause }))
    })
    child.once('close', (code, by) => {
      signal.removeEventListener('abort', kill)
      if (signal.aborted) reject(signal.reason)
      else resolve(code ?? String(by))
    })
  })
}

/** Also when the program itself is gone: what it left behind holds its output, and nobody else ends it. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // All of it ended a moment ago.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** A program that prints its own secrets does not put them into the journal (I9). */
function without(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, each) => (each === '' ? rest : rest.replaceAll(each, '***')), text)
}

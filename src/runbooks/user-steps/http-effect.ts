import { HoldfastError } from '../../model/errors.ts'
import type { UserEffect } from '../../plan/user-step-schema.ts'
import { filled, filledJson, idempotencyKey, type StepContext } from './step-context.ts'

type HttpEffect = Extract<UserEffect, { readonly type: 'http' }>

export interface EffectTools {
  readonly signal: AbortSignal
  readonly env: NodeJS.ProcessEnv
  /** Of the plan file: commands start there. */
  readonly folder: string
}

/**
 * Sends one request and judges the status. Throws `step.http-unreachable` (transient; unknown once
 * the request may have arrived), `step.http-unavailable` (transient), `step.http-refused` and
 * `step.variable-missing` (operator).
 */
export async function sendRequest(
  effect: HttpEffect,
  context: StepContext,
  { signal, env }: EffectTools,
): Promise<string> {
  const url = filled(effect.url, context, encodeURIComponent)
  const what = `${effect.method} ${url}`
  const response = await send(url, effect, context, { signal, env }, what)
  // Only the status counts; what the answer says may be anything and is kept nowhere.
  await response.body?.cancel()
  const { status } = response
  const { expect } = effect
  if (expect.length === 0 ? response.ok : expect.includes(status)) {
    return `${what} answered ${status}.`
  }
  const isBusy = status === 408 || status === 429 || status >= 500
  throw new HoldfastError(
    isBusy ? 'step.http-unavailable' : 'step.http-refused',
    `${what} answered ${status}.`,
    { kind: isBusy ? 'transient' : 'operator', hint: goOn },
  )
}

const goOn = 'Mend it, then `holdfast retry OPERATION`; or `holdfast skip OPERATION STEP`.'

async function send(
  url: string,
  { method, body, token }: HttpEffect,
  context: StepContext,
  { signal, env }: Pick<EffectTools, 'signal' | 'env'>,
  what: string,
): Promise<Response> {
  const headers = {
    'idempotency-key': idempotencyKey(context),
    ...(token === null ? {} : { authorization: `Bearer ${variable(token, env)}` }),
  }
  const hasBody = method !== 'GET' && method !== 'DELETE'
  const content = JSON.stringify(body === null ? context : filledJson(body, context))
  try {
    return await fetch(url, {
      ...{ method, signal, redirect: 'manual' },
      headers: { ...headers, ...(hasBody && { 'content-type': 'application/json' }) },
      ...(hasBody && { body: content }),
    })
  } catch (error) {
    signal.throwIfAborted()
    const cause = (error as { cause?: { code?: string } }).cause
    const isRefused = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/.test(cause?.code ?? '')
    throw new HoldfastError('step.http-unreachable', `${what}: ${cause?.code ?? 'no answer'}.`, {
      // Once a connection stood, the request may have been acted upon (I8).
      kind: isRefused ? 'transient' : 'unknown-outcome',
      hint: goOn,
    })
  }
}

function variable(name: string, env: NodeJS.ProcessEnv): string {
  const value = env[name]
  if (value !== undefined && value !== '') return value
  throw new HoldfastError('step.variable-missing', `The controller has no variable ${name}.`, {
    kind: 'operator',
    hint: 'Start the controller with it, then `holdfast retry OPERATION`.',
  })
}

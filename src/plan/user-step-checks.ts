import { closest } from './closest.ts'
import type { Finding } from './finding.ts'
import { type ExtensibleRunbook, noReturnStep, runbookAnchors } from './runbook-anchors.ts'
import { idOfStep, placeholders } from './user-step-schema.ts'

/** Checks of the plan's own steps that span fields; they tolerate anything in the raw document. */
export function checkUserSteps(raw: unknown): Finding[] {
  if (typeof raw !== 'object' || raw === null) return []
  return Object.entries(runbookAnchors).flatMap(([runbook, anchors]) => {
    const steps = (raw as Record<string, unknown>)[runbook]
    if (!Array.isArray(steps)) return []
    return [
      ...steps.flatMap((step: unknown, index) =>
        checkStep(step, ['runbooks', runbook, index], runbook as ExtensibleRunbook),
      ),
      ...checkIds(steps, runbook, anchors),
    ]
  })
}

function checkStep(step: unknown, path: Finding['path'], runbook: ExtensibleRunbook): Finding[] {
  if (typeof step !== 'object' || step === null) return []
  return [
    ...checkAnchor(step as Record<string, unknown>, path, runbook),
    ...checkUndo(step as Record<string, unknown>, path, runbook),
    ...checkPlaceholders(step, path),
  ]
}

function checkAnchor(
  step: Record<string, unknown>,
  path: Finding['path'],
  runbook: ExtensibleRunbook,
): Finding[] {
  const anchors: readonly string[] = runbookAnchors[runbook]
  const named = ['before', 'after'].filter((key) => Object.hasOwn(step, key))
  if (named.length !== 1) {
    return [
      {
        code: named.length === 0 ? 'missing-anchor' : 'two-anchors',
        path: named.length === 0 ? path : [...path, 'after'],
        atKey: true,
        message:
          named.length === 0
            ? 'The step does not say where it stands.'
            : 'The step stands both before and after a step.',
        remedy: `Write one of before: and after: with one of: ${anchors.join(', ')}.`,
      },
    ]
  }
  const key = String(named[0])
  const anchor = step[key]
  if (typeof anchor !== 'string' || anchors.includes(anchor)) return []
  const meant = closest(anchor, anchors)
  return [
    {
      code: 'unknown-step',
      path: [...path, key],
      message: `${runbook} has no step '${anchor}'.`,
      remedy: meant ? `Did you mean '${meant}'?` : `Write one of: ${anchors.join(', ')}.`,
    },
  ]
}

/** An undo that can never run would only look like safety. */
function checkUndo(
  step: Record<string, unknown>,
  path: Finding['path'],
  runbook: ExtensibleRunbook,
): Finding[] {
  if (!Object.hasOwn(step, 'undo')) return []
  const anchors: readonly string[] = runbookAnchors[runbook]
  const gate = anchors.indexOf(noReturnStep)
  const place = anchors.indexOf(String(step.before ?? step.after))
  const isBefore = place < gate || (place === gate && Object.hasOwn(step, 'before'))
  if (isBefore || (place === -1 && gate !== -1)) return []
  return [
    {
      code: 'undo-too-late',
      path: [...path, 'undo'],
      atKey: true,
      message:
        gate === -1
          ? `${runbook} is never undone.`
          : `Nothing is undone once ${noReturnStep} has begun, and this step comes after it.`,
      remedy: `Remove undo:${gate === -1 ? '' : `, or put the step before ${noReturnStep}`}.`,
    },
  ]
}

function checkIds(
  steps: readonly unknown[],
  runbook: string,
  anchors: readonly string[],
): Finding[] {
  const seen = new Map<string, string>(anchors.map((anchor) => [anchor, `a step of ${runbook}`]))
  seen.set('approval', 'the approval of the whole run')
  return steps.flatMap((step, index): Finding[] => {
    const id = idOfStep(step)
    if (id === undefined) return []
    const first = seen.get(id)
    seen.set(id, first ?? `entry ${index + 1}`)
    if (first === undefined) return []
    return [
      {
        code: 'duplicate-id',
        path: ['runbooks', runbook, index],
        message: `The id '${id}' already belongs to ${first}.`,
        remedy: 'Give this step an id: of its own; it is how the journal knows it.',
      },
    ]
  })
}

function checkPlaceholders(value: unknown, path: Finding['path']): Finding[] {
  if (typeof value === 'object' && value !== null) {
    const isList = Array.isArray(value)
    return Object.entries(value).flatMap(([key, inner]) =>
      checkPlaceholders(inner, [...path, isList ? Number(key) : key]),
    )
  }
  if (typeof value !== 'string') return []
  const known: readonly string[] = placeholders
  return [...value.matchAll(/\{\{\s*([^{}]*?)\s*\}\}/g)]
    .map(([, word = '']) => word)
    .filter((word) => !known.includes(word))
    .map((word) => {
      const meant = closest(word, known)
      return {
        code: 'unknown-placeholder',
        path,
        message: `Nothing is known as '{{${word}}}'.`,
        remedy: meant ? `Did you mean '{{${meant}}}'?` : `Known: ${known.join(', ')}.`,
      }
    })
}

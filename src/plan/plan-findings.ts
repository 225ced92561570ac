import type { z } from 'zod'
import { closest } from './closest.ts'
import { endpointKinds, kindOf } from './endpoint-schema.ts'
import type { Finding } from './finding.ts'
import { meantAuth, meantMember } from './member-schema.ts'
import { meantChannel, meantSecret } from './notify-schema.ts'
import { keysAt } from './plan-schema.ts'
import { meantStep } from './user-step-schema.ts'

type Issue = z.core.$ZodIssue
type Path = readonly (string | number)[]

/** The schema's issues in the plan file's own words, each with a remedy. */
export function findingsOf(issues: readonly Issue[], raw: unknown): Finding[] {
  return issues.flatMap((issue) => findingOf(issue, raw))
}

function findingOf(issue: Issue, raw: unknown): Finding[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol')
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey([...path, key], raw))
    case 'invalid_type':
      return [valueAt(raw, path) === undefined ? missing(path) : wrongType(path, issue.expected)]
    case 'invalid_value':
      return [notAllowed(path, valueAt(raw, path), issue.values.map(String))]
    case 'custom':
      return [
        {
          code: String(issue.params?.code ?? 'invalid'),
          path,
          message: issue.message,
          remedy: String(issue.params?.remedy ?? 'Correct the value.'),
        },
      ]
    case 'invalid_union':
      return meantBranch(issue.errors, path, valueAt(raw, path)).flatMap((inner) =>
        findingOf({ ...inner, path: [...path, ...inner.path] }, raw),
      )
    case 'too_small':
      if (issue.origin === 'number') return [tooSmall(path, Number(issue.minimum))]
      return [{ code: 'empty', path, message: `${say(path)} is empty.`, remedy: 'Write a name.' }]
    default:
      return [
        {
          code: 'invalid',
          path,
          message: `${say(path)}: ${issue.message}.`,
          remedy: 'Correct it.',
        },
      ]
  }
}

function tooSmall(path: Path, least: number): Finding {
  return {
    code: 'too-small',
    path,
    message: `${say(path)} is too small.`,
    remedy: `Write ${least} or more.`,
  }
}

/** An endpoint is of the kind that its keys name; otherwise its mistakes are those of a config file. */
function meantBranch(
  branches: readonly (readonly Issue[])[],
  path: Path,
  value: unknown,
): readonly Issue[] {
  if (path[0] === 'notify') {
    return branches[path.length === 2 ? meantChannel(value) : meantSecret(value)] ?? []
  }
  if (path[0] === 'runbooks') return branches[meantStep(path, value)] ?? []
  if (path[0] !== 'members')
    return branches[endpointKinds.indexOf(kindOf(value) ?? 'workspaceConfig')] ?? []
  return branches[path.length === 2 ? meantMember(value) : meantAuth(value)] ?? []
}

function unknownKey(path: Path, raw: unknown): Finding {
  const key = String(path.at(-1))
  const above = path.slice(0, -1)
  const known = keysAt(above, valueAt(raw, above))
  const meant = closest(key, known)
  return {
    code: 'unknown-key',
    path,
    atKey: true,
    message: `Unknown key '${key}'.`,
    remedy: meant ? `Did you mean '${meant}'?` : `Known here: ${known.join(', ')}.`,
  }
}

function missing(path: Path): Finding {
  return {
    code: 'missing',
    path,
    message: `${say(path)} is missing.`,
    remedy: `Add '${String(path.at(-1))}:'.`,
  }
}

function wrongType(path: Path, expected: string): Finding {
  const wanted: Record<string, string> = {
    string: 'text',
    object: 'a map of keys',
    record: 'a map of keys',
    array: 'a list',
    boolean: 'true or false',
  }
  const word = wanted[expected] ?? expected
  return {
    code: 'wrong-type',
    path,
    message: `${say(path)} is not ${word}.`,
    remedy: path.length === 0 ? 'Start with the key `members:`.' : `Write ${word}.`,
  }
}

function notAllowed(path: Path, value: unknown, allowed: readonly string[]): Finding {
  if (value === undefined) return missing(path)
  const isKindField = /^(strategies|conflicts)$/.test(String(path[0])) && path.at(-1) === 'kind'
  const meant = closest(String(value), allowed)
  return {
    code: isKindField ? 'unknown-kind' : 'not-allowed',
    path,
    message: `${say(path)} cannot be '${String(value)}'.`,
    remedy: meant ? `Did you mean '${meant}'?` : `Write one of: ${allowed.join(', ')}.`,
  }
}

function say(path: Path): string {
  return path.length === 0 ? 'The document' : `'${path.join('.')}'`
}

function valueAt(raw: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null
        ? (value as Record<string | number, unknown>)[part]
        : undefined,
    raw,
  )
}

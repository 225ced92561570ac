import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type Document, isMap, isNode, isSeq, LineCounter, parseDocument } from 'yaml'
import { HoldfastError } from '../model/errors.ts'
import type { ContinuityPlan } from './continuity-plan.ts'
import { parseDrillWindow } from './drill-window.ts'
import { toEndpoint } from './endpoint-schema.ts'
import type { Finding } from './finding.ts'
import { toMember } from './member-schema.ts'
import { toChannel } from './notify-schema.ts'
import { checkPlan } from './plan-checks.ts'
import { PlanError, type PlanMistake } from './plan-error.ts'
import { findingsOf } from './plan-findings.ts'
import { type PlanDocument, planSchema } from './plan-schema.ts'
import { type ExtensibleRunbook, extensibleRunbooks } from './runbook-anchors.ts'
import { defaultStrategies } from './strategy-of.ts'
import { approvalStep, toUserStep } from './user-step-schema.ts'

/**
 * Reads and checks continuity.yaml. Throws `plan.not-found`, `plan.unreadable`, or a `PlanError`
 * (`plan.invalid`) that names every mistake at once.
 */
export async function loadPlan(file: string): Promise<ContinuityPlan> {
  return parsePlan(await readPlanFile(file), file)
}

/** The checked plan of a text; `file` is for messages and as the start of relative paths. */
export function parsePlan(text: string, file: string): ContinuityPlan {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const syntax = document.errors.map((error) => syntaxMistake(error, lines))
  const raw: unknown = document.errors.some((e) => e.code !== 'DUPLICATE_KEY')
    ? undefined
    : toPlain(document, syntax)
  // A text that is not YAML has no fields to check; duplicate keys still leave the rest readable.
  if (raw === undefined) throw new PlanError(file, syntax)
  const parsed = planSchema.safeParse(raw)
  const findings = [...findingsOf(parsed.error?.issues ?? [], raw), ...checkPlan(raw)]
  const mistakes = [...syntax, ...findings.map((finding) => placed(finding, document, lines))]
  if (mistakes.length > 0 || !parsed.data) {
    mistakes.sort((a, b) => a.line - b.line || a.column - b.column)
    throw new PlanError(file, mistakes)
  }
  return toPlan(parsed.data, dirname(resolve(file)))
}

async function readPlanFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const absent = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new HoldfastError(
      absent ? 'plan.not-found' : 'plan.unreadable',
      absent ? `There is no plan file ${file}.` : `The plan file ${file} cannot be read.`,
      {
        kind: 'operator',
        place: file,
        hint: absent
          ? 'Write one with `holdfast init`, or name it with --plan FILE.'
          : 'Check that it is a file and that you may read it.',
        cause,
      },
    )
  }
}

/**
 * `null` for an empty file, so that it is reported as "not a map of keys". Undefined, and one mistake
 * more, for an alias that leads nowhere or grows without bound.
 */
function toPlain(document: Document, mistakes: PlanMistake[]): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? null
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error
    mistakes.push({
      code: 'yaml',
      line: 1,
      column: 1,
      path: '',
      message: `Not readable as YAML: ${error.message}.`,
      remedy: 'Write the value out instead of the alias.',
    })
    return undefined
  }
}

function syntaxMistake(
  error: { code: string; message: string; pos: [number, number] },
  lines: LineCounter,
): PlanMistake {
  const { line, col } = lines.linePos(error.pos[0])
  const duplicate = error.code === 'DUPLICATE_KEY'
  return {
    code: duplicate ? 'duplicate-key' : 'yaml',
    line,
    column: col,
    path: '',
    message: duplicate ? 'This key is written twice.' : `Not readable as YAML: ${error.message}.`,
    remedy: duplicate ? 'Keep one of the two.' : 'Correct the indentation, quote or bracket here.',
  }
}

function placed(finding: Finding, document: Document, lines: LineCounter): PlanMistake {
  const { line, col } = lines.linePos(offsetOf(finding, document))
  return {
    code: finding.code,
    line,
    column: col,
    path: finding.path.join('.'),
    message: finding.message,
    remedy: finding.remedy,
  }
}

/** Offset of the value, of its key, or of the nearest thing above it that exists. */
function offsetOf(finding: Finding, document: Document): number {
  let node: unknown = document.contents
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
  for (const [depth, part] of finding.path.entries()) {
    const last = depth === finding.path.length - 1
    if (isMap(node)) {
      const pair = node.items.find((item) => String(item.key) === String(part))
      if (!pair) return offset
      const keyOffset = isNode(pair.key) ? (pair.key.range?.[0] ?? offset) : offset
      node = pair.value
      const valueOffset = isNode(node) ? node.range?.[0] : undefined
      offset = last && !finding.atKey ? (valueOffset ?? keyOffset) : keyOffset
    } else if (isSeq(node)) {
      node = node.items[Number(part)]
      offset = isNode(node) ? (node.range?.[0] ?? offset) : offset
    } else return offset
  }
  return offset
}

function toPlan(document: PlanDocument, folder: string): ContinuityPlan {
  return {
    apiVersion: document.apiVersion,
    group: document.group,
    folder,
    objectives: { rtoMs: document.objectives.rto, rpoMs: document.objectives.rpo },
    members: Object.entries(document.members).map(([name, member]) => toMember(name, member)),
    strategies: [
      ...defaultStrategies,
      ...document.strategies.map(({ kind, name, strategy }) => ({
        kind,
        strategy,
        ...(name === undefined ? {} : { name }),
      })),
    ],
    conflicts: document.conflicts.map(({ kind, name, keep }) => ({
      kind,
      keep,
      ...(name === undefined ? {} : { name }),
    })),
    priority: document.priority.map(({ kind, name }) => ({
      kind,
      ...(name === undefined ? {} : { name }),
    })),
    deletions: document.deletions,
    roleAssignments: document.roleAssignments,
    map: document.map as ContinuityPlan['map'],
    endpoints: document.endpoints.map(toEndpoint),
    jobs: document.jobs,
    decide: {
      automatic: document.decide.automatic,
      graceMs: document.decide.grace,
      cooldownMs: document.decide.cooldown,
      vantagePoints: document.decide.vantagePoints,
    },
    notify: document.notify.map(toChannel),
    drill: {
      everyMs: document.drill.every,
      jobs: document.drill.jobs,
      automatic: document.drill.automatic,
      window: parseDrillWindow(document.drill.window ?? '') ?? null,
    },
    runbooks: toRunbooks(document),
  }
}

/** The approval of a whole run is asked for before anything else. */
function toRunbooks({ runbooks, decide }: PlanDocument): NonNullable<ContinuityPlan['runbooks']> {
  const { approval } = decide
  const stepsOf = (runbook: ExtensibleRunbook) => [
    ...(approval?.for.includes(runbook) ? [approvalStep(runbook, approval)] : []),
    ...runbooks[runbook].map(toUserStep),
  ]
  return Object.fromEntries(extensibleRunbooks.map((runbook) => [runbook, stepsOf(runbook)]))
}

import { Cron } from 'croner'
import { findIana } from 'windows-iana'
import { asRecord, asText, type Document } from '../arm/document.ts'
import { AzureError } from '../context.ts'

const minuteMs = 60_000
const unitMs: Readonly<Record<string, number>> = {
  Minute: minuteMs,
  Hour: 60 * minuteMs,
  Day: 24 * 60 * minuteMs,
  Week: 7 * 24 * 60 * minuteMs,
}
const weekDayNumbers: Readonly<Record<string, number>> = {
  Sunday: 0,
  Monday: 1,
  Tuesday: 2,
  Wednesday: 3,
  Thursday: 4,
  Friday: 5,
  Saturday: 6,
}

/**
 * The first instant after `after` at which a trigger is due; undefined when there is none. Throws
 * AzureError 400 for a trigger that can never be read, so that a schedule is refused at its PUT.
 */
export function nextFire(trigger: Document, after: Date): Date | undefined {
  const zone = ianaZone(asText(trigger.timeZone) ?? 'UTC')
  const start = instant(asText(trigger.startTime), zone)
  const end = instant(asText(trigger.endTime), zone)
  const from = start && start > after ? new Date(start.getTime() - 1) : after
  const due =
    trigger.triggerType === 'Cron'
      ? nextCron(asText(trigger.expression) ?? '', zone, from)
      : nextRecurrence(trigger, zone, start ?? new Date(0), from)
  return due && end && due > end ? undefined : due
}

function nextCron(expression: string, zone: string, after: Date): Date | undefined {
  try {
    return new Cron(expression, { timezone: zone, paused: true }).nextRun(after) ?? undefined
  } catch (cause) {
    throw new AzureError(
      400,
      'UserError',
      `'${expression}' is not a cron expression: ${cause instanceof Error ? cause.message : String(cause)}.`,
    )
  }
}

function nextRecurrence(
  trigger: Document,
  zone: string,
  start: Date,
  after: Date,
): Date | undefined {
  // In any case: the Python client writes `week` and `monday`.
  const frequency = capitalised(trigger.frequency)
  const interval = Math.max(1, Number(trigger.interval ?? 1))
  if (frequency !== 'Month' && unitMs[frequency] === undefined)
    throw new AzureError(400, 'UserError', `'${frequency}' is not a frequency.`)
  const pattern = asRecord(trigger.schedule)
  const unit = unitMs[frequency]
  if ((frequency === 'Minute' || frequency === 'Hour') && unit !== undefined) {
    const step = interval * unit
    const elapsed = Math.floor((after.getTime() - start.getTime()) / step) + 1
    return new Date(start.getTime() + Math.max(0, elapsed) * step)
  }
  const hours = numbers(pattern.hours, [start.getUTCHours()])
  const minutes = numbers(pattern.minutes, [start.getUTCMinutes()])
  const weekDays = list(pattern.weekDays).map(weekDayNumber)
  const monthDays = numbers(pattern.monthDays, frequency === 'Month' ? [start.getUTCDate()] : [])
  const expression = `${minutes.join(',')} ${hours.join(',')} ${monthDays.length > 0 ? monthDays.join(',') : '*'} * ${frequency === 'Week' ? (weekDays.length > 0 ? weekDays : [start.getUTCDay()]).join(',') : '*'}`
  const cron = new Cron(expression, { timezone: zone, paused: true })
  // Cron knows no "every third week": candidates outside the interval are passed over.
  let candidate = cron.nextRun(after)
  for (let tries = 0; candidate && tries < 5000; tries += 1) {
    if (inInterval(frequency, interval, start, candidate)) return candidate
    candidate = cron.nextRun(candidate)
  }
  return undefined
}

const capitalised = (text: unknown) =>
  (asText(text) ?? '').toLowerCase().replace(/^./, (first) => first.toUpperCase())

function weekDayNumber(day: unknown): number {
  const number = weekDayNumbers[capitalised(day)]
  if (number === undefined)
    throw new AzureError(400, 'UserError', `'${String(day)}' is not a day of the week.`)
  return number
}

function inInterval(frequency: string, interval: number, start: Date, at: Date): boolean {
  if (interval === 1) return true
  const units =
    frequency === 'Month'
      ? (at.getUTCFullYear() - start.getUTCFullYear()) * 12 + at.getUTCMonth() - start.getUTCMonth()
      : Math.floor((at.getTime() - start.getTime()) / (unitMs[frequency] ?? 1))
  return units % interval === 0
}

/** Azure takes Windows names; the rest of the world uses IANA's. */
function ianaZone(name: string): string {
  const zone = findIana(name)[0] ?? name
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return zone
  } catch {
    throw new AzureError(400, 'UserError', `'${name}' is not a time zone.`)
  }
}

/** Times of a trigger are local to its zone unless they say otherwise. */
function instant(text: string | undefined, zone: string): Date | undefined {
  if (text === undefined || text === '') return undefined
  const explicit = /(Z|[+-]\d\d:?\d\d)$/.test(text)
  const time = explicit ? new Date(text) : zonedInstant(text, zone)
  if (Number.isNaN(time.getTime()))
    throw new AzureError(400, 'UserError', `'${text}' is not a time.`)
  return time
}

function zonedInstant(text: string, zone: string): Date {
  const asUtc = new Date(`${text.replace(' ', 'T')}Z`)
  if (Number.isNaN(asUtc.getTime())) return asUtc
  const shown = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'medium',
  }).format(asUtc)
  const offset = new Date(`${shown.replace(' ', 'T')}Z`).getTime() - asUtc.getTime()
  return new Date(asUtc.getTime() - offset)
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]
}

function numbers(value: unknown, fallback: number[]): number[] {
  const given = list(value).map(Number).filter(Number.isInteger)
  return given.length > 0 ? given : fallback
}

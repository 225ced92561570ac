import { type Html, html } from './html.ts'

/** How the page writes times and numbers. */

export function time(iso: string): Html {
  return html`<time datetime="${iso}">${iso.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')}</time>`
}

export function took(from: string | null, to: string | null): string {
  return from === null || to === null ? '' : duration(Date.parse(to) - Date.parse(from))
}

export function duration(ms: number): string {
  if (ms < 1000) return `${ms} ms`
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`
  return ms < 7_200_000 ? `${(ms / 60_000).toFixed(1)} min` : `${(ms / 3_600_000).toFixed(1)} h`
}

import type { Framing } from './answer-head.ts'

/** Finds the end of a body that passes through unchanged. */
export interface BodyEnd {
  /**
   * Bytes of this piece that belong to the body, and whether it ends there. Throws when the body is
   * not what was announced.
   */
  take(piece: Buffer): { readonly bytes: number; readonly isOver: boolean }
}

export function bodyEnd(framing: Framing): BodyEnd {
  if (framing.kind === 'chunked') return chunkedEnd()
  let left = framing.kind === 'length' ? framing.bytes : Number.POSITIVE_INFINITY
  return {
    take(piece) {
      const bytes = Math.min(piece.length, left)
      left -= bytes
      return { bytes, isOver: left === 0 }
    },
  }
}

type Part =
  | 'size'
  | 'size-end'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer'
  | 'trailer-line'
  | 'last'

const cr = 13
const lf = 10
/** Semicolon, blank, tab. */
const startsExtension = new Set([59, 32, 9])

/** RFC 9112, 7.1. Data is jumped over; only the bytes around it are looked at. */
function chunkedEnd(): BodyEnd {
  let part: Part = 'size'
  let size = 0
  let digits = 0
  let isInExtension = false

  function step(byte: number): void {
    switch (part) {
      case 'size': {
        const digit = isInExtension ? Number.NaN : hexDigit(byte)
        if (!Number.isNaN(digit)) {
          size = size * 16 + digit
          digits += 1
        } else if (byte === cr) part = 'size-end'
        else if (byte === lf || !(isInExtension || startsExtension.has(byte))) broken()
        else isInExtension = true
        if (digits === 0 || digits > 12) broken()
        return
      }
      case 'size-end':
        expect(byte, lf)
        part = size === 0 ? 'trailer' : 'data'
        return
      case 'data-cr':
        expect(byte, cr)
        part = 'data-lf'
        return
      case 'data-lf':
        expect(byte, lf)
        part = 'size'
        digits = 0
        isInExtension = false
        return
      case 'trailer':
        part = byte === cr ? 'last' : 'trailer-line'
        return
      case 'trailer-line':
        if (byte === lf) part = 'trailer'
        return
      default:
        expect(byte, lf)
    }
  }

  return {
    take(piece) {
      for (let at = 0; at < piece.length; ) {
        if (part === 'data') {
          const here = Math.min(size, piece.length - at)
          size -= here
          at += here
          if (size === 0) part = 'data-cr'
          continue
        }
        const wasLast = part === 'last'
        step(piece[at] ?? 0)
        at += 1
        if (wasLast) return { bytes: at, isOver: true }
      }
      return { bytes: piece.length, isOver: false }
    },
  }
}

function expect(byte: number, wanted: number): void {
  if (byte !== wanted) broken()
}

function broken(): never {
  throw new Error('broken chunk')
}

/** NaN: none. */
function hexDigit(byte: number): number {
  return Number.parseInt(String.fromCharCode(byte), 16)
}

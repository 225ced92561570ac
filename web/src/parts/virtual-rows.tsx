import { useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useEffect, useRef } from 'react'
import { Link } from 'wouter'

const rowPx = 36

/** A list of links of which only the visible part exists; asks for `more` near its end. */
export function VirtualRows<T>(props: {
  label: string
  rows: readonly T[]
  keyOf: (row: T) => string
  hrefOf: (row: T) => string
  columns: string
  more: (() => unknown) | undefined
  render: (row: T) => ReactNode
}) {
  const { label, rows, keyOf, hrefOf, columns, more, render } = props
  const host = useRef<HTMLDivElement>(null)
  const list = useVirtualizer({
    count: rows.length,
    getScrollElement: () => host.current,
    estimateSize: () => rowPx,
    overscan: 20,
  })
  const shown = list.getVirtualItems()
  const last = shown.at(-1)?.index ?? 0
  useEffect(() => {
    if (last >= rows.length - 100) more?.()
  }, [last, rows.length, more])
  return (
    <section
      ref={host}
      className="rows"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      style={{ maxHeight: rows.length * rowPx + 2 }}
    >
      <div style={{ height: list.getTotalSize(), position: 'relative' }}>
        {shown.map(({ index, start }) => {
          const row = rows[index]
          if (row === undefined) return null
          return (
            <Link
              key={keyOf(row)}
              href={hrefOf(row)}
              className={`row ${columns}`}
              style={{ height: rowPx, transform: `translateY(${start}px)` }}
              data-row={keyOf(row)}
            >
              {render(row)}
            </Link>
          )
        })}
      </div>
    </section>
  )
}

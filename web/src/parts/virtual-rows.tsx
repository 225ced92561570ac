import { observeElementOffset, useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, memo, type ReactNode, useEffect, useRef } from 'react'
import { Link } from 'wouter'
import { tallestPx } from './tallest.ts'

const rowPx = 32

/**
 * A list of links of which only the visible part exists. `rowAt` may not know a row yet: its place is
 * kept, and `onShown` says which rows are looked at.
 */
export function VirtualRows<T>(props: {
  label: string
  count: number
  rowAt: (index: number) => T | undefined
  keyOf: (row: T) => string
  hrefOf: (row: T) => string
  columns: string
  onShown?: (first: number, last: number) => unknown
  render: (row: T) => ReactNode
}) {
  const { label, count, rowAt, keyOf, hrefOf, columns, onShown, render } = props
  const host = useRef<HTMLDivElement>(null)
  const height = Math.min(count * rowPx, tallestPx())
  const seenPx = host.current?.clientHeight ?? 0
  // More rows than a browser can make a page tall: they pass faster than the scroll bar moves.
  const pace = height < count * rowPx ? (count * rowPx - seenPx) / (height - seenPx) : 1
  const paceNow = useRef(pace)
  paceNow.current = pace
  const list = useVirtualizer({
    count,
    getScrollElement: () => host.current,
    estimateSize: () => rowPx,
    overscan: 20,
    observeElementOffset: (instance, tell) =>
      observeElementOffset(instance, (offset, isScrolling) =>
        tell(offset * paceNow.current, isScrolling),
      ),
  })
  const shown = list.getVirtualItems()
  const first = shown[0]?.index ?? 0
  const last = shown.at(-1)?.index ?? 0
  useEffect(() => void onShown?.(first, last), [first, last, onShown])
  const offset = list.scrollOffset ?? 0
  const above = offset - offset / pace
  return (
    <section
      ref={host}
      className="rows"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      style={{ maxHeight: count * rowPx + 2 }}
      onKeyDown={pace > 1 ? (event) => turnPage(event, pace) : undefined}
    >
      <div style={{ height, position: 'relative' }}>
        {shown.map(({ index, start }) => {
          const row = rowAt(index)
          const top = start - above
          if (row === undefined)
            return (
              <div key={index} className="row unread" style={{ height: rowPx, top }} aria-hidden />
            )
          const key = keyOf(row)
          const place = { name: key, index, top, href: hrefOf(row), columns }
          return (
            <Row key={key} {...place} row={row} render={render as (row: unknown) => ReactNode} />
          )
        })}
      </div>
    </section>
  )
}

/** Drawn once, however often the list moves: `render` must be the same function each time. */
const Row = memo(
  (props: {
    name: string
    index: number
    top: number
    href: string
    columns: string
    row: unknown
    render: (row: unknown) => ReactNode
  }) => {
    const { name, index, top, href, columns, row, render } = props
    return (
      <Link
        href={href}
        className={`row ${columns}`}
        style={{ height: rowPx, top }}
        data-row={name}
        data-index={index}
      >
        {render(row)}
      </Link>
    )
  },
)

/** Left to itself the browser would turn a page of the scroll bar, and rows between would never be seen. */
function turnPage(event: KeyboardEvent<HTMLElement>, pace: number): void {
  const way = { PageDown: 1, PageUp: -1 }[event.key]
  if (way === undefined) return
  event.preventDefault()
  const host = event.currentTarget
  host.scrollBy({ top: (way * host.clientHeight * 0.9) / pace })
}

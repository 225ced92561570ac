/** What every browser can still draw; Firefox gives up first. */
const surePx = 16_000_000

let known: number | undefined

/** How tall an element may be here: browsers draw nothing of one that is taller. */
export function tallestPx(): number {
  known ??= measured()
  return known
}

function measured(): number {
  const probe = document.createElement('div')
  probe.style.cssText = 'position:fixed;visibility:hidden;height:1000000000px'
  document.body.append(probe)
  const { height } = probe.getBoundingClientRect()
  probe.remove()
  // Some say how much of it they would draw; others answer anything.
  return height > surePx && height < 100_000_000 ? height - 1000 : surePx
}

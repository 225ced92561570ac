import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

const kept = 300

/** Lag over the last minutes this page has been open, with the objective as a line. */
export function LagChart({ lagMs, objectiveMs }: { lagMs: number | null; objectiveMs: number }) {
  const host = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | null>(null)
  const points = useRef<[number[], Array<number | null>, number[]]>([[], [], []])

  useEffect(() => {
    const element = host.current
    if (!element) return
    const made = new uPlot(
      {
        width: element.clientWidth,
        height: 90,
        legend: { show: false },
        cursor: { show: false },
        axes: [
          { show: false },
          {
            size: 56,
            stroke: 'gray',
            grid: { stroke: 'rgba(128,128,128,0.2)' },
            values: (_, ticks) => ticks.map((t) => `${t} s`),
          },
        ],
        series: [
          {},
          { stroke: '#0c8599', width: 2 },
          { stroke: '#e8590c', width: 1, dash: [4, 4] },
        ],
      },
      points.current,
      element,
    )
    chart.current = made
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: 90 }),
    )
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
    }
  }, [])

  useEffect(() => {
    const [times, lags, objectives] = points.current
    times.push(Date.now() / 1000)
    lags.push(lagMs === null ? null : lagMs / 1000)
    objectives.push(objectiveMs / 1000)
    if (times.length > kept) for (const column of points.current) column.shift()
    chart.current?.setData(points.current)
  }, [lagMs, objectiveMs])

  return (
    <div
      ref={host}
      className="lag-chart"
      role="img"
      aria-label="lag over time against the objective"
    />
  )
}

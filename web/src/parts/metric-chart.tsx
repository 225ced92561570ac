import { Group, Text } from '@mantine/core'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

interface Line {
  readonly name: string
  readonly points: readonly (readonly [number, number])[]
}

const height = 160

/**
 * Both sides in one chart: the first as a broad line, the second as dashes upon it, so that what is equal
 * is seen to lie on one another whatever colours the eye tells apart.
 */
export function MetricChart({
  label,
  source,
  target,
}: {
  label: string
  source: Line
  target: Line
}) {
  const host = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const element = host.current
    if (!element) return
    const chart = new uPlot(
      {
        width: element.clientWidth,
        height,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: false } },
        axes: [
          { stroke: 'gray', grid: { stroke: 'rgba(128,128,128,0.15)' } },
          { stroke: 'gray', size: 60, grid: { stroke: 'rgba(128,128,128,0.15)' } },
        ],
        series: [
          {},
          { stroke: '#0c8599', width: 6, spanGaps: true, points: { show: false } },
          {
            stroke: '#e8590c',
            width: 2,
            dash: [6, 8],
            spanGaps: true,
            points: { show: false },
          },
        ],
      },
      joined(source.points, target.points),
      element,
    )
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      chart.destroy()
    }
  }, [source, target])
  return (
    <>
      <div ref={host} style={{ height }} role="img" aria-label={`${label} at both sides`} />
      <Group gap="md">
        <Text size="xs">▬ {source.name}</Text>
        <Text size="xs">┅ {target.name}</Text>
      </Group>
    </>
  )
}

/** One x axis for both; a side without a value at an x has a gap there. */
function joined(source: Line['points'], target: Line['points']): uPlot.AlignedData {
  const [left, right] = [new Map(source), new Map(target)]
  const xs = [...new Set([...left.keys(), ...right.keys()])].sort((a, b) => a - b)
  const column = (values: ReadonlyMap<number, number>) => xs.map((x) => values.get(x) ?? null)
  return [xs, column(left), column(right)]
}

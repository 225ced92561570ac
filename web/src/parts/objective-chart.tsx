import { Group, Text } from '@mantine/core'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { duration } from './format.ts'

export interface Measured {
  readonly at: string
  readonly valueMs: number | null
  readonly objectiveMs: number | null
}

const height = 170

/** What was measured each time against the objective of that time; what was not measured is a gap. */
export function ObjectiveChart(props: {
  label: string
  objective: string
  measured: readonly Measured[]
}) {
  const { label, objective, measured } = props
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
        scales: {
          x: { range: (_, least, most) => [least, most] },
          y: { range: (_, __, most) => [0, (most ?? 1) * 1.15] },
        },
        axes: [
          { stroke: 'gray', grid: { stroke: 'rgba(128,128,128,0.15)' } },
          {
            stroke: 'gray',
            size: 96,
            grid: { stroke: 'rgba(128,128,128,0.15)' },
            values: (_, ticks) => ticks.map((tick) => duration(tick * 1000)),
          },
        ],
        series: [
          {},
          { stroke: '#0c8599', width: 2, points: { show: true, size: 9, fill: '#0c8599' } },
          { stroke: '#e8590c', width: 2, dash: [6, 6], spanGaps: true, points: { show: false } },
        ],
      },
      columns(measured),
      element,
    )
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      chart.destroy()
    }
  }, [measured])
  return (
    <div>
      <div
        ref={host}
        style={{ height }}
        role="img"
        aria-label={`${label} of ${measured.length} drills against ${objective}; the table below has the numbers`}
      />
      <Group gap="md">
        <Text size="xs">● {label} measured</Text>
        <Text size="xs">┅ {objective}</Text>
      </Group>
    </div>
  )
}

const dayS = 86_400

function columns(measured: readonly Measured[]): uPlot.AlignedData {
  const seconds = (ms: number | null) => (ms === null ? null : ms / 1000)
  const oldestFirst = [...measured].sort((a, b) => (a.at < b.at ? -1 : 1))
  const times = oldestFirst.map(({ at }) => Date.parse(at) / 1000)
  const objectives = oldestFirst.map(({ objectiveMs }) => seconds(objectiveMs))
  // Room at both ends, so that a single drill has the line of its objective beside it.
  const [first = 0, last = 0] = [times[0], times.at(-1)]
  const margin = Math.max(dayS, (last - first) * 0.05)
  return [
    [first - margin, ...times, last + margin],
    [null, ...oldestFirst.map(({ valueMs }) => seconds(valueMs)), null],
    [objectives[0] ?? null, ...objectives, objectives.at(-1) ?? null],
  ]
}

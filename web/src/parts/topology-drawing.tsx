import type { Dependency, Topology } from '../../../src/api/topology-contract.ts'

export const relations: Readonly<
  Record<Dependency['relation'], { readonly color: string; mark: string; text: string }>
> = {
  each: { color: 'teal', mark: '●', text: 'each its own' },
  shared: { color: 'orange', mark: '▲', text: 'shared: fails with its region' },
  missing: { color: 'red', mark: '✖', text: 'missing at the other side' },
  'only-target': { color: 'gray', mark: '–', text: 'only at the secondary' },
  unknown: { color: 'gray', mark: '?', text: 'a side could not be read' },
}

const rowPx = 44
const topPx = 66
const width = 900
const boxWidth = 270
const boxHeight = 32
const leftX = 130
const rightX = 560

/** Two columns, a line for what belongs together; the table below says the same in words. */
export function TopologyDrawing({ topology }: { topology: Topology }) {
  const { source, target, dependencies } = topology
  const height = topPx + dependencies.length * rowPx + 8
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="drawing" aria-label="drawing" tabIndex={0}>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        width={width}
        height={height}
        role="img"
        aria-label={`${source.member} and ${target.member} with what they depend on; the table below says the same`}
      >
        <Workspace x={leftX} end={source} part="primary" />
        <Workspace x={rightX} end={target} part="secondary" />
        <line className="flow" x1={leftX + boxWidth} y1={26} x2={rightX - 8} y2={26} />
        <text className="mark" x={(leftX + boxWidth + rightX) / 2} y={20} textAnchor="middle">
          replicates →
        </text>
        {dependencies.map((each, index) => (
          <Pair
            key={`${each.category}:${each.source?.name}:${each.target?.name}`}
            each={each}
            y={topPx + index * rowPx}
          />
        ))}
      </svg>
    </section>
  )
}

function Workspace(props: { x: number; end: Topology['source']; part: string }) {
  const { x, end, part } = props
  return (
    <>
      <rect className="box strong" x={x} y={4} width={boxWidth} height={44} rx={8} />
      <text className="name" x={x + boxWidth / 2} y={22} textAnchor="middle">
        {end.member} · {part}
      </text>
      <text className="small" x={x + boxWidth / 2} y={39} textAnchor="middle">
        {cut(`${end.workspace.split('/').at(-1)} ${end.region ? `in ${end.region}` : ''}`)}
      </text>
    </>
  )
}

function Pair({ each, y }: { each: Dependency; y: number }) {
  const { category, source, target, relation, copied } = each
  const { color, mark } = relations[relation]
  const middle = y + boxHeight / 2
  return (
    <g className={`relation-${color}`}>
      <text className="small" x={0} y={middle + 4}>
        {category}
      </text>
      {relation === 'shared' ? (
        <Box x={leftX} width={rightX + boxWidth - leftX} y={y} name={source?.name} />
      ) : (
        <>
          <Box x={leftX} width={boxWidth} y={y} name={source?.name} />
          <Box x={rightX} width={boxWidth} y={y} name={target?.name} />
          {source && target ? (
            <line
              className={copied ? 'flow' : 'flow apart'}
              x1={leftX + boxWidth}
              y1={middle}
              x2={rightX}
              y2={middle}
            />
          ) : null}
          <text
            className="mark"
            x={(leftX + boxWidth + rightX) / 2}
            y={middle - 4}
            textAnchor="middle"
          >
            {mark} {copied && source && target ? 'replicated' : ''}
          </text>
        </>
      )}
    </g>
  )
}

function Box(props: { x: number; y: number; width: number; name: string | undefined }) {
  const { x, y, width: wide, name } = props
  return (
    <>
      <rect
        className={name === undefined ? 'box absent' : 'box'}
        x={x}
        y={y}
        width={wide}
        height={boxHeight}
        rx={6}
      />
      <text className="small" x={x + wide / 2} y={y + boxHeight / 2 + 4} textAnchor="middle">
        {name === undefined ? 'none' : cut(name)}
      </text>
    </>
  )
}

const mostChars = 36

function cut(text: string): string {
  return text.length > mostChars ? `${text.slice(0, mostChars - 1)}…` : text
}

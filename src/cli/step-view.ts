import type { Operation, StepState } from '../api/contract.ts'
import { type FollowOptions, followOperation } from './follow-operation.ts'
import type { Output } from './output.ts'
import { stepText, stepWriter } from './show-steps.ts'
import { stepLines } from './step-lines.ts'
import { openLiveArea } from './watch/live-area.ts'

/** Follows an operation to its end and shows its steps meanwhile. */
export async function followWithSteps(
  started: Operation,
  options: Omit<FollowOptions, 'onChange'>,
): Promise<Operation> {
  const { output, onChange, close } = stepView(options.output, options.connection)
  try {
    return await followOperation(started, { ...options, output, onChange })
  } finally {
    close()
  }
}

/** The steps of an operation while a command follows it. */
interface StepView {
  /** The command's output, whose notes do not get into the picture. */
  readonly output: Output
  onChange(operation: Operation): void
  /** The steps that ended stay on the screen. */
  close(): void
}

const drawEveryMs = 250

/** A picture that is redrawn where a human looks; where lines are kept, one for each step that ends. */
function stepView(output: Output, options: { readonly inProcess: boolean }): StepView {
  const canRedraw = output.interactive && !process.env.CI && process.env.TERM !== 'dumb'
  return canRedraw ? liveView(output, options) : plainView(output)
}

function plainView(output: Output): StepView {
  return { output, onChange: stepWriter(output.note), close: () => undefined }
}

function liveView(output: Output, { inProcess }: { readonly inProcess: boolean }): StepView {
  const { stderr } = process
  const area = openLiveArea(stderr)
  const startedAt = new Date()
  const began = new Map<string, Date>()
  // The controller's clock may be another one; it is believed about what began before we looked.
  const see = (operation: Operation, isFirst: boolean) => {
    for (const { id, status, startedAt: at } of operation.steps)
      if (status === 'running' && !began.has(id))
        began.set(id, isFirst && at !== null ? new Date(at) : new Date())
  }
  let latest: Operation | undefined
  const draw = () => {
    if (latest === undefined) return
    area.draw(
      stepLines(latest, {
        ...{ columns: area.columns, rows: area.rows, now: new Date(), startedAt },
        beganAt: ({ id }: StepState) => began.get(id) ?? startedAt,
        hint: inProcess ? 'Ctrl-C cancels it' : 'Ctrl-C leaves it to the controller',
      }),
    )
  }
  const clock = setInterval(draw, drawEveryMs)
  stderr.on('resize', draw)
  return {
    output: {
      ...output,
      note: (line) => {
        area.leave([])
        output.note(line)
        draw()
      },
    },
    onChange: (operation) => {
      see(operation, latest === undefined)
      latest = operation
      draw()
    },
    close: () => {
      clearInterval(clock)
      stderr.off('resize', draw)
      const steps = latest?.steps.filter(({ status }) => status !== 'pending') ?? []
      area.leave(steps.map((step) => stepText(step)))
    },
  }
}

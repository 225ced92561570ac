import type { Command } from 'commander'
import { allItems } from '../../api/all-items.ts'
import { onlyGroup } from '../connect.ts'
import { type GroupOptions, groupCommand, withController } from '../group-command.ts'
import { createOutput } from '../output.ts'
import { tableText } from '../text.ts'

export function pauseCommand(): Command {
  return groupCommand('pause', 'pause automatic decisions, with a reason', [
    'holdfast pause --reason "network maintenance until 04:00 UTC"',
  ])
    .requiredOption('--reason <text>', 'why; shown to everybody who looks')
    .action(async (options: GroupOptions & { readonly reason: string }) => {
      const output = createOutput(options)
      await withController(options, async ({ client }, signal) => {
        const { group } = onlyGroup(await client.status({ signal }))
        await client.pause(group, options.reason, { signal })
        output.result({ group, pausedFor: options.reason }, () =>
          [`Decisions about ${group} are paused.`, 'End it: holdfast resume'].join('\n'),
        )
      })
    })
}

export function resumeCommand(): Command {
  return groupCommand('resume', 'end the pause', ['holdfast resume']).action(
    async (options: GroupOptions) => {
      const output = createOutput(options)
      await withController(options, async ({ client }, signal) => {
        const { group } = onlyGroup(await client.status({ signal }))
        await client.resume(group, { signal })
        output.result({ group, pausedFor: null }, () => `Decisions about ${group} go on.`)
      })
    },
  )
}

export function acknowledgeCommand(): Command {
  return groupCommand(
    'acknowledge',
    'acknowledge an automatic failover, so that another one may follow',
    ['holdfast acknowledge'],
  ).action(async (options: GroupOptions) => {
    const output = createOutput(options)
    await withController(options, async ({ client }, signal) => {
      const { group } = onlyGroup(await client.status({ signal }))
      await client.acknowledge(group, { signal })
      output.result({ group, acknowledged: true }, () => `Acknowledged for ${group}.`)
    })
  })
}

export function decisionsCommand(): Command {
  return groupCommand(
    'decisions',
    'what was decided, by whom and why',
    ['holdfast decisions', 'holdfast decisions --json | jq .items[0]'],
    { rows: true },
  ).action(async (options: GroupOptions) => {
    const output = createOutput(options)
    const items = await withController(options, async ({ client }, signal) => {
      const { group } = onlyGroup(await client.status({ signal }))
      return allItems((place) => client.decisions(group, { ...place, limit: 1000 }, { signal }))
    })
    output.result(
      { items },
      () =>
        items.length === 0
          ? 'Nothing was decided yet.'
          : tableText(
              ['AT', 'ACTOR', 'ACTION', 'RULE', 'SIGNAL', 'RESULT'],
              items.map(({ at, actor, action, rule, signal, result }) => [
                ...[at, actor, action, rule, signal, result ?? '-'],
              ]),
              { drop: ['RESULT', 'RULE', 'ACTOR'] },
            ),
      () => items,
    )
  })
}

import { describe, expect, it } from 'vitest'
import { AzureError } from '../../context.ts'
import type { DeploymentPlace } from './deployment-place.ts'
import { NotYetDeployed, planTemplate, resolveParameters } from './template.ts'

const place: DeploymentPlace = {
  subscriptionId: 's1',
  resourceGroup: 'rg',
  location: 'eastus',
  tenantId: 't1',
  deploymentName: 'd',
  now: new Date('2026-01-01T00:00:00Z'),
}
const nothing = () => undefined

/** What an expression says, in a template with one parameter and one variable. */
function say(
  expression: string,
  lookup: (id: string) => Record<string, unknown> | undefined = nothing,
) {
  const template = {
    variables: { v: { Deep: ['x', "[parameters('p')]"] } },
    resources: [],
    outputs: { out: { type: 'string', value: expression } },
  }
  return (planTemplate(template, { p: 'P' }, place).outputs(lookup).out as { value: unknown }).value
}

describe('expressions', () => {
  it.each([
    ['plain text', 'plain text'],
    ['[[not an expression]', '[not an expression]'],
    ["[concat('it''s ', parameters('P'), 1)]", "it's P1"],
    ["[variables('v').deep[1]]", 'P'],
    ["[if(equals(1, 1), 'yes', reference('/gone'))]", 'yes'],
    ["[if(and(false(), reference('/gone')), 1, coalesce(null(), 'c'))]", 'c'],
    ["[resourceId('A.B/c', 'n')]", '/subscriptions/s1/resourceGroups/rg/providers/A.B/c/n'],
    [
      "[resourceId('g2', 'A.B/c/d', 'n', 'm')]",
      '/subscriptions/s1/resourceGroups/g2/providers/A.B/c/n/d/m',
    ],
    [
      "[resourceId('s2', 'g2', 'A.B/c', 'n')]",
      '/subscriptions/s2/resourceGroups/g2/providers/A.B/c/n',
    ],
    ["[subscriptionResourceId('A.B/c', 'n')]", '/subscriptions/s1/providers/A.B/c/n'],
    ["[toLower(join(split('A,B', ','), '-'))]", 'a-b'],
    ['[length(union(createArray(1, 2), createArray(2, 3)))]', 3],
    ["[format('{0}/{1}', subscription().tenantId, resourceGroup().location)]", 't1/eastus'],
    ["[json('null')]", null],
    ["[empty('')]", true],
  ])('%s', (expression, value) => expect(say(expression)).toEqual(value))

  it('uniqueString and guid depend on their arguments alone', () => {
    expect(say("[uniqueString('a')]")).toMatch(/^[a-z2-7]{13}$/)
    expect(say("[uniqueString('a')]")).toBe(say("[uniqueString('a')]"))
    expect(say("[uniqueString('a')]")).not.toBe(say("[uniqueString('b')]"))
    expect(say("[guid('a')]")).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/,
    )
  })

  it('reads a deployed resource, and says which one is missing', () => {
    const there = () => ({ id: '/x', properties: { clientId: 'c' } })
    expect(say("[reference('/x', '2020-01-01').clientId]", there)).toBe('c')
    expect(say("[reference('/x', '2020-01-01', 'Full').id]", there)).toBe('/x')
    expect(() => say("[reference('/x').clientId]")).toThrow(NotYetDeployed)
  })

  it.each([
    "[concat('a']",
    '[nosuch()]',
    "[parameters('other')]",
    "[variables('v').gone]",
    '[1 2]',
  ])('refuses %s as an invalid template', (expression) => {
    const refusal = (() => {
      try {
        return say(expression)
      } catch (error) {
        return error
      }
    })()
    expect(refusal).toBeInstanceOf(AzureError)
    expect(refusal).toMatchObject({ status: 400, code: 'InvalidTemplate' })
  })
})

describe('parameters', () => {
  const template = {
    parameters: {
      name: { type: 'string' },
      size: {
        type: 'string',
        defaultValue: "[concat(parameters('name'), '-s')]",
        allowedValues: ['a-s', 'big'],
      },
      id: { type: 'string', defaultValue: '[newGuid()]' },
    },
    resources: [],
  }

  it('defaults may use other parameters, and null takes the default', () => {
    const values = resolveParameters(
      template,
      { NAME: { value: 'a' }, size: { value: null } },
      place,
    )
    expect(values).toMatchObject({
      name: 'a',
      size: 'a-s',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
  })

  it.each([
    [{}, 'missing'],
    [{ name: { value: 'b' } }, 'default not allowed'],
    [{ name: { value: 'a' }, other: { value: 1 } }, 'unknown'],
  ])('refuses %j (%s)', (given, _why) => {
    expect(() => resolveParameters(template, given, place)).toThrow(
      expect.objectContaining({ code: 'InvalidTemplate' }),
    )
  })
})

describe('resources', () => {
  it('are named, repeated, nested and left out as the template says', () => {
    const template = {
      resources: [
        {
          type: 'A.B/c',
          name: "[concat('n', copyIndex(1))]",
          copy: { name: 'loop', count: 2 },
          properties: { index: '[copyIndex()]' },
          resources: [{ type: 'd', name: 'child', dependsOn: [], properties: {} }],
        },
        { type: 'A.B/c', name: 'off', condition: '[false()]' },
        { type: 'A.B/e', name: 'o', scope: "[resourceId('A.B/c', 'n1')]" },
        {
          type: 'A.B/f',
          name: 'g',
          properties: { copy: [{ name: 'list', count: 2, input: "[copyIndex('list')]" }] },
        },
      ],
    }
    const { resources } = planTemplate(template, {}, place)
    const base = '/subscriptions/s1/resourceGroups/rg/providers/A.B'
    expect(resources.map(({ id }) => id)).toEqual([
      `${base}/c/n1`,
      `${base}/c/n1/d/child`,
      `${base}/c/n2`,
      `${base}/c/n2/d/child`,
      `${base}/c/n1/providers/A.B/e/o`,
      `${base}/f/g`,
    ])
    expect(resources.map((one) => one.body(nothing).properties)).toEqual([
      { index: 0 },
      {},
      { index: 1 },
      {},
      undefined,
      { list: [0, 1] },
    ])
    expect(resources[1]?.dependsOn).toEqual(['n1'])
  })

  it('keep the expressions of a nested template that speaks for itself', () => {
    const nested = (scope: string) => ({
      type: 'Microsoft.Resources/deployments',
      name: 'n',
      properties: {
        expressionEvaluationOptions: { scope },
        parameters: { q: { value: "[parameters('p')]" } },
        template: { resources: [], outputs: { o: { value: "[parameters('p')]" } } },
      },
    })
    const value = (scope: string) => {
      const { resources } = planTemplate({ resources: [nested(scope)] }, { p: 'P' }, place)
      return resources[0]?.body(nothing).properties
    }
    expect(value('inner')).toMatchObject({
      parameters: { q: { value: 'P' } },
      template: { outputs: { o: { value: "[parameters('p')]" } } },
    })
    expect(value('outer')).toMatchObject({ template: { outputs: { o: { value: 'P' } } } })
  })
})

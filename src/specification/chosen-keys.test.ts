import { expect, it } from 'vitest'
import { camelKeys } from './convert-jobs.ts'
import { snakeKeys } from './reverse.ts'

const yaml = {
  mode: 'custom',
  column_name_and_types: { credit_score: 'Numeric', userID: 'Categorical' },
  transformer_params: { imputer: [{ fields: ['credit_score'], parameters: { fill_value: 0 } }] },
  webhooks: { my_hook: { webhook_type: 'AzureDevOps' } },
}
const wire = {
  mode: 'custom',
  columnNameAndTypes: { credit_score: 'Numeric', userID: 'Categorical' },
  transformerParams: { imputer: [{ fields: ['credit_score'], parameters: { fill_value: 0 } }] },
  webhooks: { my_hook: { webhookType: 'AzureDevOps' } },
}

it('leaves the keys alone that people chose', () => {
  expect(camelKeys(yaml)).toEqual(wire)
  expect(snakeKeys(wire)).toEqual(yaml)
})

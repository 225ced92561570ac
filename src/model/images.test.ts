import { describe, expect, it } from 'vitest'
import { ownImage } from './images.ts'
import { azurePlace } from './testing/places.ts'

const east = azurePlace('east')

const digest = `sha256:${'a'.repeat(64)}`

describe('an image of the workspace', () => {
  const cases: [text: string, names: readonly string[] | undefined][] = [
    ['acreast.azurecr.io/azureml/env:v1', ['azureml/env', 'v1']],
    ['ACREAST.azurecr.io/azureml/env', ['azureml/env', 'latest']],
    [`acreast.azurecr.io/azureml/env@${digest}`, ['azureml/env', digest]],
    [`acreast.azurecr.io/azureml/env:v1@${digest}`, ['azureml/env', digest]],
    ['acreast.azurecr.io', undefined],
    ['acreast.azurecr.io/two words', undefined],
    ['acrwest.azurecr.io/azureml/env:v1', undefined],
    ['mcr.microsoft.com/azureml/base:1', undefined],
    ['docker.io/acreast.azurecr.io/env', undefined],
  ]
  it.each(cases)('%s', (text, names) => {
    expect(ownImage(text, east)?.path).toEqual(names)
  })

  it('is none where the workspace has no registry', () => {
    const { imageRegistry: _, ...place } = east
    expect(ownImage('acreast.azurecr.io/azureml/env:v1', place)).toBeUndefined()
  })
})

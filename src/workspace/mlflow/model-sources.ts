import { HoldfastError } from '../../model/errors.ts'
import type { JsonObject } from '../../model/json.ts'
import type { CallOptions } from '../workspace.ts'
import type { MlflowLoggedModels } from './mlflow-logged-models.ts'
import type { MlflowRuns } from './mlflow-runs.ts'
import { text } from './run-document.ts'

/** Addresses of what model versions are made from, as this server keeps it. */
export class ModelSources {
  readonly #runs: Pick<MlflowRuns, 'get'>
  readonly #models: Pick<MlflowLoggedModels, 'artifactUri'>

  constructor(runs: Pick<MlflowRuns, 'get'>, models: Pick<MlflowLoggedModels, 'artifactUri'>) {
    this.#runs = runs
    this.#models = models
  }

  async uriOf(source: JsonObject, options: CallOptions): Promise<string> {
    const path = text(source.path) === '' ? '' : `/${text(source.path)}`
    const id = text(source.runId) || text(source.loggedModelId)
    if (source.form === 'runs') return `runs:/${id}${path}`
    if (source.form === 'models') return `models:/${id}${path}`
    if (source.form === 'uri') return text(source.uri)
    const base =
      text(source.runId) === ''
        ? await this.#models.artifactUri(id, options)
        : text((await this.#runs.get(id, options))?.body.artifactUri)
    if (base !== '') return base + path
    throw new HoldfastError(
      'model-version.source-gone',
      `the artifacts it is made from belong to ${id}, which is not there`,
      {
        hint: 'Its run or logged model was deleted for good at the source; delete the version, too.',
      },
    )
  }
}
